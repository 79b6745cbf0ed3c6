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
import { FileSink, download, reportDownload } from '../../src/acquire/download.ts'
import { HttpClient, defaultRetryPolicy } from '../../src/acquire/http-client.ts'
import { Mirror } from '../../src/acquire/mirror.ts'
import type { Source } from '../../src/acquire/source.ts'
import { fileRoles, type Progress } from '../../src/dataset/entry.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { deadAddress, drip, endless, promise, ranged, redirectTo, reset, send, stall, startMirror, status, type Answer } from '../fixtures/mirror.ts'
import { idxFile, tinyDataset } from '../fixtures/tiny-dataset.ts'

const { entry, content, gzipped } = tinyDataset()
const { trainImages: first } = entry.files
const asked = `${first.name}.gz`
const good: Record<string, Answer> = Object.fromEntries(fileRoles.map(role => [`${entry.files[role].name}.gz`, send(gzipped[role])]))

/** Tries as often as mirrors do by default, without the pauses. */
const patient = new HttpClient({ ...defaultRetryPolicy, backoffMs: 1, backoffLimitMs: 2 })

/** Like the web that mirrors use by default, but in a hurry. */
const impatient = new HttpClient({
  attempts: 2,
  backoffMs: 1,
  backoffLimitMs: 2,
  connectTimeoutMs: 1000,
  headersTimeoutMs: 300,
  bodyTimeoutMs: 300,
  minBytesPerSecond: 1000,
  rateWindowMs: 200
})
t.teardown(async () => { await Promise.all([patient.close(), impatient.close()]) })

async function acquireFrom (folder: string, sources: readonly Source[], signal = new AbortController().signal) {
  const warnings: string[] = []
  const reports: Progress[] = []
  const acquired = await acquire(entry, {
    cache: new FileCache(folder),
    sources,
    signal,
    report: progress => { reports.push(progress) },
    warn: message => { warnings.push(message) }
  })
  return { ...acquired, warnings, reports }
}

t.test('a mirror that has everything fills the cache, and is not asked again', async t => {
  const folder = t.testdir()
  const mirror = await startMirror(t, good)
  const { files, provenance, warnings, reports } = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
  for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
  t.same(provenance.map(({ source }) => source), fileRoles.map(() => mirror.base))
  t.same(warnings, [])
  const last = reports.filter(({ item }) => item === first.name).at(-1)!
  t.same([last.stage, last.done, last.total], ['acquire', content.trainImages.length, content.trainImages.length])
  await checkCache(t, folder, 4)

  const again = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
  t.same(again.provenance.map(({ source }) => source), fileRoles.map(() => 'cache'))
  t.same(Buffer.from(again.files.testLabels.content), content.testLabels)
  t.equal(mirror.requests.length, 4, 'the second time nothing was asked for')
})

t.test('a mirror may redirect, compress anew, or send the plain file', async t => {
  const folder = t.testdir()
  const mirror = await startMirror(t, {
    ...good,
    [asked]: redirectTo('/elsewhere'),
    elsewhere: send(gzipped.trainImages),
    [`${entry.files.trainLabels.name}.gz`]: send(gzipSync(content.trainLabels, { level: 0 })),
    [`${entry.files.testImages.name}.gz`]: send(content.testImages)
  })
  const { files, warnings } = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
  for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
  t.same(warnings, [])
  await checkCache(t, folder, 4)
})

const flipped = Buffer.from(content.trainImages)
flipped[100]! ^= 0x10
const cutOff = /^(other side closed|terminated|read ECONNRESET), 2 attempts$/
const misbehaviour: Array<[what: string, answer: Answer, reason: RegExp]> = [
  ['a truncated gzip', send(gzipped.trainImages.subarray(0, -20)), /^is not a complete gzip file: ./],
  ['a truncated plain file', send(content.trainImages.subarray(0, -20)), /^has 940 bytes of data, but its IDX header says 60×4×4 = 960$/],
  ['an empty body', send(new Uint8Array(0)), /^is not IDX of unsigned bytes: starts with nothing/],
  ['another content', send(gzipSync(flipped)), /^has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/],
  ['another magic', send(gzipSync(Buffer.concat([Buffer.of(0, 0, 9), content.trainImages.subarray(3)]))), /^is not IDX of unsigned bytes: starts with 00 00 09 03/],
  ['another file of the dataset', send(gzipped.testImages), /^has dimensions 20×4×4, expected 60×4×4$/],
  ['a page with status 200', send(Buffer.from('<html>Gone</html>'), { 'content-type': 'text/html' }), /^is an HTML page, not data$/],
  ['absurd dimensions', send(idxFile([0xffffffff, 0xffffffff, 0xffffffff], Uint8Array.of(1))), /^has 1 bytes of data, but its IDX header says/],
  ['a gzip bomb', send(gzipSync(Buffer.alloc(3 << 20))), /^decompresses to more than the expected 976 bytes$/],
  ['HTTP 403', status(403), /^HTTP 403$/],
  ['HTTP 404', status(404), /^HTTP 404$/],
  ['HTTP 500', status(500), /^HTTP 500, 2 attempts$/],
  ['HTTP 503', status(503), /^HTTP 503, 2 attempts$/],
  ['HTTP 429', status(429), /^HTTP 429, 2 attempts$/],
  ['HTTP 204', (_, response) => { response.writeHead(204).end() }, /^HTTP 204$/],
  ['a redirect to itself', redirectTo(`/${asked}`), /^redirects in a loop$/],
  ['redirects without end', (_, response) => { response.writeHead(302, { location: `/${asked}?${randomUUID()}` }).end() }, /^redirects more than 3 times$/],
  ['a redirect to another scheme', redirectTo('ftp://127.0.0.1/file'), /^redirects from http: to ftp:, which is not followed$/],
  ['a redirect to nowhere', redirectTo('http://[/'), /^redirects to 'http:\/\/\[\/', which is not a URL$/],
  ['a body without end', endless(Buffer.alloc(1000)), /^sent more than \d+ bytes$/],
  ['a reset in the middle', reset(gzipped.trainImages.subarray(0, 500)), cutOff],
  ['a close in the middle', promise(gzipped.trainImages.length, gzipped.trainImages.subarray(0, 500)), cutOff],
  ['the whole file, and a promise of more', promise(gzipped.trainImages.length + 1, gzipped.trainImages), cutOff],
  ['a stall in the middle', stall(gzipped.trainImages.subarray(0, 500)), /^(Body Timeout Error|sends only 0 bytes a second), 2 attempts$/],
  ['a byte now and then', drip(gzipped.trainImages), /^sends only \d+ bytes a second, 2 attempts$/],
  ['a stall before the headers', () => {}, /^Headers Timeout Error, 2 attempts$/],
  ['no HTTP', (_, response) => { response.socket!.end('SSH-2.0-OpenSSH_9.6\r\n') }, /does not match the HTTP\/1.1 protocol.*, 2 attempts$/],
  ['a Content-Length that is too short', send(gzipped.trainImages, { 'content-length': '700' }), /^is not a complete gzip file: ./],
  ['a Content-Length beyond every size', (_, response) => { response.writeHead(200, { 'content-length': 1e12 }).flushHeaders() }, /^has 1000000000000 bytes, expected at most \d+$/]
]
for (const [what, answer, reason] of misbehaviour) {
  t.test(`${what}: the next source is asked, and nothing of it is kept`, async t => {
    const folder = t.testdir()
    const bad = await startMirror(t, { ...good, [asked]: answer })
    const next = await startMirror(t, good)
    const { files, provenance, warnings } = await acquireFrom(folder, [new Mirror(bad.base, impatient), new Mirror(next.base, patient)])
    for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
    t.same(provenance.map(({ source }) => source), [next.base, bad.base, bad.base, bad.base], 'only the file concerned comes from elsewhere')
    const start = `${first.name} from ${bad.base}: `
    t.equal(warnings.length, 1)
    t.ok(warnings[0]!.startsWith(start), warnings[0])
    t.match(warnings[0]!.slice(start.length), reason)
    t.same(next.requests, [asked])
    await checkCache(t, folder, 4)
  })
}

t.test('a port that nobody listens on: the next source is asked', async t => {
  const dead = await deadAddress()
  const next = await startMirror(t, good)
  const folder = t.testdir()
  const { provenance, warnings } = await acquireFrom(folder, [new Mirror(dead, patient), new Mirror(next.base, patient)])
  t.same(provenance.map(({ source }) => source), fileRoles.map(() => next.base))
  t.equal(warnings.length, 4)
  t.match(warnings[0], `${first.name} from ${dead}: connect ECONNREFUSED`)
  await checkCache(t, folder, 4)
})

t.test('an endless body is cut off near the size of the file', async t => {
  let sent: Promise<number> | undefined
  const mirror = await startMirror(t, {
    [asked]: (request, response) => {
      sent = new Promise(resolve => request.socket.on('close', () => resolve(request.socket.bytesWritten)))
      endless(Buffer.alloc(1000))(request, response)
    }
  })
  await t.rejects(new Mirror(mirror.base, patient).read(first, new AbortController().signal, () => {}), {
    code: 'source_unavailable',
    message: `sent more than ${Math.ceil(960 * 1.001) + 4096} bytes`
  })
  // The sockets' buffers hold some megabytes at most.
  const bytes = (await sent)!
  t.ok(bytes < 32 << 20, `${bytes} bytes were sent`)
})

t.test('all sources fail: the error names the file and every reason, and the cache stays empty', async t => {
  const folder = t.testdir()
  const [forbidden, page, dead] = [await startMirror(t, { [asked]: status(403) }), await startMirror(t, { [asked]: send(Buffer.from('<p>')) }), await deadAddress()]
  await t.rejects(acquireFrom(folder, [forbidden.base, page.base, dead].map(base => new Mirror(base, patient))), {
    code: 'no_source',
    message: new RegExp(`^no source has ${first.name}: ${forbidden.base}: HTTP 403; ${page.base}: is an HTML page, not data; ${dead}: connect ECONNREFUSED .*$`)
  })
  t.same(await readdir(folder), ['locks'])
})

t.test('a download is abandoned when the signal says so', async t => {
  const folder = t.testdir()
  const stopping = new AbortController()
  let closed: Promise<unknown> | undefined
  const mirror = await startMirror(t, {
    [asked]: (request, response) => {
      closed = new Promise(resolve => request.socket.on('close', resolve))
      stall(gzipped.trainImages.subarray(0, 500))(request, response)
    }
  })
  const next = await startMirror(t, good)
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
  t.same(next.requests, [], 'no other source is asked')
  t.same(warnings, [])
  t.same(await readdir(folder), ['locks'])
  await closed
})

const whole = gzipped.trainImages
const half = Math.floor(whole.length / 2)
const [etag, other] = ['"a"', '"b"']
const resumed: Array<[what: string, answer: Answer, ranges: Array<string | undefined>]> = [
  ['where the server can', ranged([{ bytes: whole, etag, cutAfter: half }, { bytes: whole, etag }]), [undefined, `bytes=${half}-`]],
  ['several times', ranged([{ bytes: whole, etag, cutAfter: 100 }, { bytes: whole, etag, cutAfter: 50 }, { bytes: whole, etag }]), [undefined, 'bytes=100-', 'bytes=150-']],
  ['from the beginning where ranges are ignored', ranged([{ bytes: whole, etag, cutAfter: half }, { bytes: whole, etag, ignores: 'range' }]), [undefined, `bytes=${half}-`]],
  ['from the beginning where nothing names the file', ranged([{ bytes: whole, cutAfter: half }, { bytes: whole }]), [undefined, undefined]],
  ['from the beginning where a weak tag names it', ranged([{ bytes: whole, etag: 'W/"a"', cutAfter: half }, { bytes: whole }]), [undefined, undefined]],
  ['from the beginning where the file has changed', ranged([{ bytes: gzipped.testImages, etag, cutAfter: 100 }, { bytes: whole, etag: other }]), [undefined, 'bytes=100-']],
  ['from the beginning where the file has changed and the server goes on', ranged([{ bytes: gzipped.testImages, etag, cutAfter: 100 }, { bytes: whole, etag: other, ignores: 'if-range' }, { bytes: whole, etag: other }]), [undefined, 'bytes=100-', undefined]],
  ['from the beginning where another range is sent', ranged([{ bytes: whole, etag, cutAfter: half }, { bytes: whole, etag, contentRange: `bytes 0-99/${whole.length}` }, { bytes: whole, etag }]), [undefined, `bytes=${half}-`, undefined]],
  ['once more in one piece, where the parts do not fit together', ranged([{ bytes: gzipped.testImages, etag, cutAfter: 100 }, { bytes: whole, etag }]), [undefined, 'bytes=100-', undefined]]
]
for (const [what, answer, ranges] of resumed) {
  t.test(`a body that was cut is continued ${what}`, async t => {
    const folder = t.testdir()
    const mirror = await startMirror(t, { ...good, [asked]: answer })
    const { files, provenance, warnings } = await acquireFrom(folder, [new Mirror(mirror.base, patient)])
    t.same(Buffer.from(files.trainImages.content), content.trainImages)
    t.same(provenance.map(({ source }) => source), fileRoles.map(() => mirror.base))
    t.same(warnings, [])
    t.same(mirror.ranges.filter((_, i) => mirror.requests[i] === asked), ranges)
    await checkCache(t, folder, 4)
  })
}

t.test('parts that never fit together are refused', async t => {
  const folder = t.testdir()
  const mixed = ranged([{ bytes: gzipped.testImages, etag, cutAfter: 100 }, { bytes: whole, etag }, { bytes: gzipped.testImages, etag }])
  const bad = await startMirror(t, { ...good, [asked]: mixed })
  const next = await startMirror(t, good)
  const { files, warnings } = await acquireFrom(folder, [new Mirror(bad.base, patient), new Mirror(next.base, patient)])
  t.same(Buffer.from(files.trainImages.content), content.trainImages)
  t.equal(warnings.length, 1)
  t.equal(warnings[0], `${first.name} from ${bad.base}: has dimensions 20×4×4, expected 60×4×4`)
  await checkCache(t, folder, 4)
})

t.test('a server that is busy is asked again, when it says', async t => {
  let count = 0
  const busy: Answer = (request, response) => {
    if (++count < 3) response.writeHead(503, { 'retry-after': '0' }).end()
    else send(whole)(request, response)
  }
  const mirror = await startMirror(t, { ...good, [asked]: busy })
  const { warnings } = await acquireFrom(t.testdir(), [new Mirror(mirror.base, patient)])
  t.same(warnings, [])
  t.equal(mirror.requests.filter(name => name === asked).length, 3)
})

t.test('what is not there is asked for once', async t => {
  for (const code of [400, 401, 403, 404, 410]) {
    const mirror = await startMirror(t, { [asked]: status(code) })
    await t.rejects(new Mirror(mirror.base, patient).read(first, new AbortController().signal, () => {}), { code: 'source_unavailable', message: `HTTP ${code}` })
    t.equal(mirror.requests.length, 1)
  }
})

t.test('proxies of the environment are used, but for those hosts that need none', async t => {
  const seen: string[] = []
  const proxy = createServer().on('connect', (request, socket) => {
    seen.push(request.url!)
    socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n')
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  const mirror = await startMirror(t, good)
  const before = { ...process.env }
  t.teardown(() => { process.env = before })
  const read = async (base: string): Promise<unknown> => {
    const http = new HttpClient({ ...impatient.retryPolicy, attempts: 1 })
    return await new Mirror(base, http).read(first, new AbortController().signal, () => {}).finally(() => http.close())
  }
  process.env['HTTP_PROXY'] = process.env['HTTPS_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  await t.rejects(read('http://mirror.invalid/'), { code: 'source_unavailable', message: /Proxy response \(503\)/ })
  await t.rejects(read('https://mirror.invalid/'), { code: 'source_unavailable', message: /Proxy response \(503\)/ })
  t.same(seen, ['mirror.invalid:80', 'mirror.invalid:443'])
  process.env['NO_PROXY'] = '127.0.0.1'
  t.same(Buffer.from(await read(mirror.base) as Uint8Array), whole)
  t.equal(seen.length, 2)
})

t.test('a large file goes to disk as it comes, and begins again where it must', async t => {
  const folder = t.testdir()
  const bytes = Buffer.alloc(3 << 20, 'large')
  const mirror = await startMirror(t, { large: ranged([{ bytes, cutAfter: 1 << 20 }, { bytes, etag, cutAfter: 2 << 20 }, { bytes, etag }]) })
  const handle = await open(join(folder, 'large'), 'wx+')
  t.teardown(() => handle.close())
  const seen: number[] = []
  const pieces = await download(`${mirror.base}large`, { http: patient, sink: new FileSink(handle), maxBytes: bytes.length, signal: new AbortController().signal, progress: done => { seen.push(done) } })
  t.equal(pieces, 2)
  t.same(await readFile(join(folder, 'large')), bytes)
  t.equal(seen.at(-1), bytes.length)
  t.match(mirror.ranges, [undefined, undefined, /^bytes=\d+-$/])
})

t.test('a redirect never leads from https to http', async t => {
  // What a mirror with a certificate would say, said by the dispatcher.
  const agent = new MockAgent()
  agent.disableNetConnect()
  t.teardown(() => agent.close())
  agent.get('https://safe.example').intercept({ path: '/a.gz' }).reply(302, '', { headers: { location: 'http://safe.example/a.gz' } })
  const http = new HttpClient(impatient.retryPolicy, agent)
  await t.rejects(http.get('https://safe.example/a.gz', {}, new AbortController().signal), { message: 'redirects from https: to http:, which is not followed' })
})

t.test('a download says how fast it is and how long the rest will take', async t => {
  const reports: Progress[] = []
  const tell = reportDownload('a', 5000, progress => { reports.push(progress) })
  for (const done of [100, 200, 300]) tell(done, 1000)
  tell(1000, 1000)
  t.equal(reports.length, 2, 'not for every chunk')
  t.same(reports[0], { stage: 'acquire', item: 'a', done: 100, total: 1000 })
  t.match(reports[1], { stage: 'acquire', item: 'a', done: 1000, total: 1000, rate: Number, remaining: 0 })
  t.ok(reports[1]!.rate! > 0)
})
