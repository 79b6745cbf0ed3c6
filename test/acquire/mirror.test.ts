import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { open, readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { MockAgent } from 'undici'
import { acquire } from '../../src/acquire/acquire.ts'
import { FileCache } from '../../src/acquire/cache.ts'
import { download } from '../../src/acquire/download.ts'
import { HttpClient, defaultRetryPolicy } from '../../src/acquire/http-client.ts'
import { Mirror } from '../../src/acquire/mirror.ts'
import { reportDownload } from '../../src/acquire/report-download.ts'
import { FileSink } from '../../src/acquire/sinks.ts'
import type { Source } from '../../src/acquire/source.ts'
import type { Progress } from '../../src/dataset/progress.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import {
  deadAddress, drip, endless, promise, ranged, redirectTo, reset, send, stall, startMirror, status, type Answer
} from '../fixtures/mirror.ts'
import { fileRoles, readFiles, tinyDataset } from '../fixtures/tiny-dataset.ts'

const { entry, files: declared, content, gzipped } = tinyDataset()
const { trainImages: first } = declared
const firstPath = `${first.name}.gz`
const complete: Record<string, Answer> = Object.fromEntries(fileRoles.map(role => {
  return [`${declared[role].name}.gz`, send(gzipped[role])]
}))
const never = new AbortController().signal

/** Default attempts and timeouts, but hardly any pauses. */
const patient = new HttpClient({ ...defaultRetryPolicy, backoffMs: 1, backoffLimitMs: 2 })

/** Gives up after two attempts. */
const hasty = new HttpClient({ ...patient.retryPolicy, attempts: 2 })

/** Also notices stalls early. */
const impatient = new HttpClient({
  ...hasty.retryPolicy,
  headersTimeoutMs: 300,
  bodyTimeoutMs: 300,
  minBytesPerSecond: 1000,
  rateWindowMs: 200
})
t.teardown(async () => { await Promise.all([patient, hasty, impatient].map(http => http.close())) })

async function acquireFrom (folder: string, sources: readonly Source[]) {
  const warnings: string[] = []
  const reports: Progress[] = []
  const acquired = await acquire(entry, {
    cache: new FileCache(folder),
    sources,
    signal: never,
    report: progress => { reports.push(progress) },
    warn: message => { warnings.push(message) }
  })
  return { ...acquired, warnings, reports, sources: acquired.provenance.map(({ source }) => source) }
}

t.test('a complete mirror fills the cache and is not contacted again', async t => {
  const folder = t.testdir()
  const mirror = await startMirror(t, complete)
  const { files, sources, warnings, reports } = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
  t.same(await readFiles(files), content)
  t.same(sources, fileRoles.map(() => mirror.base))
  t.same(warnings, [])
  const last = reports.filter(({ item }) => item === first.name).at(-1)!
  t.same([last.stage, last.done, last.total], ['acquire', content.trainImages.length, content.trainImages.length])
  await checkCache(t, folder, 4)

  const again = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
  t.same(again.sources, fileRoles.map(() => 'cache'))
  t.same((await readFiles(again.files)).testLabels, content.testLabels)
  t.equal(mirror.requests.length, 4, 'no request the second time')
})

t.test('a mirror may redirect, compress differently, or send the uncompressed file', async t => {
  const folder = t.testdir()
  const mirror = await startMirror(t, {
    ...complete,
    [firstPath]: redirectTo('/elsewhere'),
    elsewhere: send(gzipped.trainImages),
    [`${declared.trainLabels.name}.gz`]: send(gzipSync(content.trainLabels, { level: 0 })),
    [`${declared.testImages.name}.gz`]: send(content.testImages)
  })
  const { files, warnings } = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
  t.same(await readFiles(files), content)
  t.same(warnings, [])
  await checkCache(t, folder, 4)
})

const flipped = Buffer.from(content.trainImages)
flipped[100]! ^= 0x10
const wrongMagic = Buffer.concat([Buffer.of(0, 0, 9), content.trainImages.subarray(3)])
const start = gzipped.trainImages.subarray(0, 500)
const absurdLength: Answer = (_, response) => { response.writeHead(200, { 'content-length': 1e12 }).flushHeaders() }
const endlessRedirect: Answer = (_, response) => {
  response.writeHead(302, { location: `/${firstPath}?${randomUUID()}` }).end()
}
const otherProtocol: Answer = (_, response) => { response.socket!.end('SSH-2.0-OpenSSH_9.6\r\n') }
const interrupted = /^(other side closed|terminated|read ECONNRESET), 2 attempts$/

const faults: Array<[fault: string, answer: Answer, reason: RegExp, http?: HttpClient]> = [
  ['truncated gzip', send(gzipped.trainImages.subarray(0, -20)), /^is not a complete gzip file: ./],
  ['truncated uncompressed file', send(content.trainImages.subarray(0, -20)),
    /^has 956 bytes, expected 976$/],
  ['empty body', send(new Uint8Array(0)), /^has 0 bytes, expected 976$/],
  ['wrong content', send(gzipSync(flipped)), /^has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/],
  ['wrong magic number', send(gzipSync(wrongMagic)), /^has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/],
  ['another file of the dataset', send(gzipped.testImages), /^has 336 bytes, expected 976$/],
  ['HTML page with status 200', send(Buffer.from('<html>Gone</html>'), { 'content-type': 'text/html' }),
    /^is an HTML page, not data$/],
  ['gzip bomb', send(gzipSync(Buffer.alloc(3 << 20))), /^decompresses to more than the expected 976 bytes$/],
  ['HTTP 403', status(403), /^HTTP 403$/],
  ['HTTP 404', status(404), /^HTTP 404$/],
  ['HTTP 500', status(500), /^HTTP 500, 2 attempts$/],
  ['HTTP 503', status(503), /^HTTP 503, 2 attempts$/],
  ['HTTP 429', status(429), /^HTTP 429, 2 attempts$/],
  ['HTTP 204', (_, response) => { response.writeHead(204).end() }, /^HTTP 204$/],
  ['redirect to itself', redirectTo(`/${firstPath}`), /^redirects in a loop$/],
  ['endless redirects', endlessRedirect, /^redirects more than 3 times$/],
  ['redirect to another scheme', redirectTo('ftp://127.0.0.1/file'),
    /^redirects from http: to ftp:, which is not followed$/],
  ['redirect to an invalid URL', redirectTo('http://[/'), /^redirects to an invalid URL$/],
  ['endless body', endless(Buffer.alloc(1000)), /^sent more than \d+ bytes$/],
  ['reset during the body', reset(start), interrupted],
  ['close during the body', promise(gzipped.trainImages.length, start), interrupted],
  ['Content-Length too long', promise(gzipped.trainImages.length + 1, gzipped.trainImages), interrupted],
  ['stall during the body', stall(start), /^(Body Timeout Error|sends only 0 bytes a second), 2 attempts$/, impatient],
  ['slow body', drip(gzipped.trainImages), /^sends only \d+ bytes a second, 2 attempts$/, impatient],
  ['stall before the headers', () => {}, /^Headers Timeout Error, 2 attempts$/, impatient],
  ['another protocol', otherProtocol, /does not match the HTTP\/1.1 protocol.*, 2 attempts$/],
  ['Content-Length too short', send(gzipped.trainImages, { 'content-length': '700' }),
    /^is not a complete gzip file: ./],
  ['absurd Content-Length', absurdLength, /^has 1000000000000 bytes, expected at most \d+$/]
]
// Most of their time is spent on timeouts.
t.jobs = 4
for (const [fault, answer, reason, http = hasty] of faults) {
  t.test(`${fault}: falls back to the next source and caches nothing of it`, { buffered: true }, async t => {
    const folder = t.testdir()
    const bad = await startMirror(t, { ...complete, [firstPath]: answer })
    const next = await startMirror(t, complete)
    const mirrors = [new Mirror(bad.base, http), new Mirror(next.base, patient)]
    const { files, sources, warnings } = await acquireFrom(folder, mirrors)
    t.same(await readFiles(files), content)
    t.same(sources, [next.base, bad.base, bad.base, bad.base], 'only for the file concerned')
    const prefix = `${first.name} from ${bad.base}: `
    t.equal(warnings.length, 1)
    t.ok(warnings[0]!.startsWith(prefix), warnings[0])
    t.match(warnings[0]!.slice(prefix.length), reason)
    t.same(next.requests, [firstPath])
    await checkCache(t, folder, 4)
  })
}

t.test('closed port: falls back to the next source', async t => {
  const dead = await deadAddress()
  const next = await startMirror(t, complete)
  const folder = t.testdir()
  const { sources, warnings } = await acquireFrom(folder, [new Mirror(dead, patient), new Mirror(next.base, patient)])
  t.same(sources, fileRoles.map(() => next.base))
  t.equal(warnings.length, 4)
  t.match(warnings[0], `${first.name} from ${dead}: connect ECONNREFUSED`)
  await checkCache(t, folder, 4)
})

t.test('an endless body is aborted near the size of the file', async t => {
  let sent: Promise<number> | undefined
  const mirror = await startMirror(t, {
    [firstPath]: (request, response) => {
      sent = new Promise(resolve => request.socket.on('close', () => resolve(request.socket.bytesWritten)))
      endless(Buffer.alloc(1000))(request, response)
    }
  })
  await t.rejects(new Mirror(mirror.base, patient).read(first, never, () => {}), {
    code: 'source_unavailable',
    message: `sent more than ${Math.ceil(976 * 1.001) + 4096} bytes`
  })
  // Socket buffers hold a few megabytes.
  const bytes = (await sent)!
  t.ok(bytes < 32 << 20, `${bytes} bytes were sent`)
})

t.test('if all sources fail, the error names the file and every reason, and the cache stays empty', async t => {
  const folder = t.testdir()
  const forbidden = await startMirror(t, { [firstPath]: status(403) })
  const page = await startMirror(t, { [firstPath]: send(Buffer.from('<p>')) })
  const dead = await deadAddress()
  const reasons = [
    `${forbidden.base}: HTTP 403`,
    `${page.base}: is an HTML page, not data`,
    `${dead}: connect ECONNREFUSED, 4 attempts`
  ]
  await t.rejects(acquireFrom(folder, [forbidden.base, page.base, dead].map(base => new Mirror(base, patient))), {
    code: 'no_source',
    message: new RegExp(`^no source has ${first.name}: ${reasons.join('; ')}$`)
  })
  t.same(await readdir(folder), ['locks'])
})

t.test('a signal aborts a download', async t => {
  const folder = t.testdir()
  const stopping = new AbortController()
  let closed: Promise<unknown> | undefined
  const mirror = await startMirror(t, {
    [firstPath]: (request, response) => {
      closed = new Promise(resolve => request.socket.on('close', resolve))
      stall(start)(request, response)
    }
  })
  const next = await startMirror(t, complete)
  const reason = new Error('enough')
  const warnings: string[] = []
  const acquiring = acquire(entry, {
    cache: new FileCache(folder),
    sources: [new Mirror(mirror.base, patient), new Mirror(next.base, patient)],
    signal: stopping.signal,
    // The first bytes have arrived.
    report: () => { stopping.abort(reason) },
    warn: message => { warnings.push(message) }
  })
  await t.rejects(acquiring, reason)
  t.same(next.requests, [], 'no other source is tried')
  t.same(warnings, [])
  t.same(await readdir(folder), ['locks'])
  await closed
})

const bytes = gzipped.trainImages
const otherBytes = gzipped.testImages
const half = Math.floor(bytes.length / 2)
const [etag, otherEtag] = ['"a"', '"b"']
type Versions = Parameters<typeof ranged>[0]
const interruptions: Array<[what: string, versions: Versions, ranges: Array<string | undefined>]> = [
  ['resumed if the server supports it',
    [{ bytes, etag, cutAfter: half }, { bytes, etag }],
    [undefined, `bytes=${half}-`]],
  ['resumed several times',
    [{ bytes, etag, cutAfter: 100 }, { bytes, etag, cutAfter: 50 }, { bytes, etag }],
    [undefined, 'bytes=100-', 'bytes=150-']],
  ['restarted if the server ignores ranges',
    [{ bytes, etag, cutAfter: half }, { bytes, etag, ignores: 'range' }],
    [undefined, `bytes=${half}-`]],
  ['restarted without a validator',
    [{ bytes, cutAfter: half }, { bytes }],
    [undefined, undefined]],
  ['restarted with a weak ETag',
    [{ bytes, etag: 'W/"a"', cutAfter: half }, { bytes }],
    [undefined, undefined]],
  ['restarted if the file has changed',
    [{ bytes: otherBytes, etag, cutAfter: 100 }, { bytes, etag: otherEtag }],
    [undefined, 'bytes=100-']],
  ['restarted if the file has changed but the server resumes',
    [
      { bytes: otherBytes, etag, cutAfter: 100 },
      { bytes, etag: otherEtag, ignores: 'if-range' },
      { bytes, etag: otherEtag }
    ],
    [undefined, 'bytes=100-', undefined]],
  ['restarted if the server sends another range',
    [{ bytes, etag, cutAfter: half }, { bytes, etag, contentRange: `bytes 0-99/${bytes.length}` }, { bytes, etag }],
    [undefined, `bytes=${half}-`, undefined]],
  ['downloaded again in one response if the ranges do not fit together',
    [{ bytes: otherBytes, etag, cutAfter: 100 }, { bytes, etag }],
    [undefined, 'bytes=100-', undefined]]
]
for (const [what, versions, ranges] of interruptions) {
  t.test(`interrupted body: ${what}`, async t => {
    const folder = t.testdir()
    const mirror = await startMirror(t, { ...complete, [firstPath]: ranged(versions) })
    const { files, sources, warnings } = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
    t.same((await readFiles(files)).trainImages, content.trainImages)
    t.same(sources, fileRoles.map(() => mirror.base))
    t.same(warnings, [])
    t.same(mirror.ranges.filter((_, i) => mirror.requests[i] === firstPath), ranges)
    await checkCache(t, folder, 4)
  })
}

t.test('ranges that never fit together are rejected', async t => {
  const folder = t.testdir()
  const mixed = ranged([{ bytes: otherBytes, etag, cutAfter: 100 }, { bytes, etag }, { bytes: otherBytes, etag }])
  const bad = await startMirror(t, { ...complete, [firstPath]: mixed })
  const next = await startMirror(t, complete)
  const { files, warnings } = await acquireFrom(folder, [new Mirror(bad.base, patient), new Mirror(next.base, patient)])
  t.same((await readFiles(files)).trainImages, content.trainImages)
  t.equal(warnings.length, 1)
  t.equal(warnings[0], `${first.name} from ${bad.base}: has 336 bytes, expected 976`)
  await checkCache(t, folder, 4)
})

t.test('a busy server is retried when it asks for it', async t => {
  let count = 0
  const busy: Answer = (request, response) => {
    if (++count < 3) response.writeHead(503, { 'retry-after': '0' }).end()
    else send(bytes)(request, response)
  }
  const mirror = await startMirror(t, { ...complete, [firstPath]: busy })
  const { warnings } = await acquireFrom(t.testdir(), [new Mirror(mirror.base, patient)])
  t.same(warnings, [])
  t.equal(mirror.requests.filter(name => name === firstPath).length, 3)
})

t.test('a client error is not retried', async t => {
  for (const code of [400, 401, 403, 404, 410]) {
    const mirror = await startMirror(t, { [firstPath]: status(code) })
    await t.rejects(new Mirror(mirror.base, patient).read(first, never, () => {}), {
      code: 'source_unavailable',
      message: `HTTP ${code}`
    })
    t.equal(mirror.requests.length, 1)
  }
})

t.test('proxies of the environment are used, except for excluded hosts', async t => {
  const seen: string[] = []
  const proxy = createServer().on('connect', (request, socket) => {
    seen.push(request.url!)
    socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  const mirror = await startMirror(t, complete)
  const read = async (base: string, none = ''): Promise<unknown> => {
    const { port } = proxy.address() as AddressInfo
    // Without a scheme: http is assumed.
    const http = new HttpClient({ ...patient.retryPolicy, attempts: 1 }, {
      http: { variable: 'HTTP_PROXY', address: `127.0.0.1:${port}` },
      none
    })
    return await new Mirror(base, http).read(first, never, () => {}).finally(() => http.close())
  }
  await t.rejects(read('http://mirror.invalid/'), { code: 'source_unavailable', message: /Proxy response \(503\)/ })
  await t.rejects(read('https://mirror.invalid/'), { code: 'source_unavailable', message: /Proxy response \(503\)/ })
  t.same(seen, ['mirror.invalid:80', 'mirror.invalid:443'])
  t.same(Buffer.from(await read(mirror.base, '127.0.0.1') as Uint8Array), bytes)
  t.equal(seen.length, 2)
})

t.test('an invalid proxy is the fault of the sources that would use it, and is named by its variable', async t => {
  const mirror = await startMirror(t, complete)
  const invalid = { variable: 'HTTPS_PROXY', address: 'ftp://user:word@proxy.example' }
  const http = new HttpClient(patient.retryPolicy, { https: invalid })
  t.teardown(() => http.close())
  const folder = t.testdir()
  const { sources, warnings } = await acquireFrom(folder, [
    new Mirror('https://mirror.invalid/', http),
    new Mirror('http://{dataset}:x/', http, 'mirror 2 of MIRRORS'),
    new Mirror(mirror.base, http)
  ])
  t.same(sources, fileRoles.map(() => mirror.base))
  t.same(warnings.slice(0, 2), [
    `${first.name} from https://mirror.invalid/: HTTPS_PROXY must be an http, https or socks5 address`,
    `${first.name} from mirror 2 of MIRRORS: its address is not valid`
  ])
})

t.test('a file sink writes to disk as bytes arrive, and can restart', async t => {
  const path = join(t.testdir(), 'large')
  const large = Buffer.alloc(3 << 20, 'large')
  const answer = ranged([
    { bytes: large, cutAfter: 1 << 20 },
    { bytes: large, etag, cutAfter: 2 << 20 },
    { bytes: large, etag }
  ])
  const mirror = await startMirror(t, { large: answer })
  const handle = await open(path, 'wx+')
  t.teardown(() => handle.close())
  const seen: number[] = []
  const responses = await download(`${mirror.base}large`, {
    http: patient,
    sink: new FileSink(handle),
    maxBytes: large.length,
    signal: never,
    progress: done => { seen.push(done) }
  })
  t.equal(responses, 2)
  t.ok((await readFile(path)).equals(large))
  t.equal(seen.at(-1), large.length)
  t.match(mirror.ranges, [undefined, undefined, /^bytes=\d+-$/])
})

t.test('a redirect from https to http is not followed', async t => {
  // Mocked, since a local mirror has no certificate.
  const agent = new MockAgent()
  agent.disableNetConnect()
  t.teardown(() => agent.close())
  const redirect = { headers: { location: 'http://safe.example/a.gz' } }
  agent.get('https://safe.example').intercept({ path: '/a.gz' }).reply(302, '', redirect)
  const http = new HttpClient(patient.retryPolicy, {}, agent)
  await t.rejects(http.get('https://safe.example/a.gz', {}, never), {
    message: 'redirects from https: to http:, which is not followed'
  })
})

t.test('a download reports its rate and the remaining time', async t => {
  const reports: Progress[] = []
  const progress = reportDownload('a', 5000, report => { reports.push(report) })
  for (const done of [100, 200, 300]) progress(done, 1000)
  progress(1000, 1000)
  t.equal(reports.length, 2, 'not for every chunk')
  t.same(reports[0], { stage: 'acquire', item: 'a', done: 100, total: 1000 })
  t.match(reports[1], { stage: 'acquire', item: 'a', done: 1000, total: 1000, rate: Number, remaining: 0 })
  t.ok(reports[1]!.rate! > 0)
})

t.test('credentials of an address are sent as a header, and its query with every request', async t => {
  const seen: string[] = []
  const record = (answer: Answer): Answer => (request, response) => {
    seen.push(`${request.headers.authorization} ${request.url}`)
    answer(request, response)
  }
  const other = await startMirror(t, { elsewhere: record(send(gzipped.trainImages)) })
  const mirror = await startMirror(t, {
    [`files/${firstPath}`]: record(redirectTo('/near?a=b')),
    near: record(redirectTo(`${other.base}elsewhere`))
  })
  const address = `${mirror.base.replace('//', '//us%C3%A9r:w%40rd@')}files?token=t#fragment`
  const source = new Mirror(address, patient)
  t.equal(source.name, `${mirror.base}files/`)
  t.same(Buffer.from(await source.read(first, never, () => {})), gzipped.trainImages)
  const authorization = `Basic ${Buffer.from('usér:w@rd').toString('base64')}`
  t.same(seen, [
    `${authorization} /files/${firstPath}?token=t`,
    `${authorization} /near?a=b`,
    'undefined /elsewhere'
  ], 'but not to another origin')
})
