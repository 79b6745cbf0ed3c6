import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Agent, interceptors } from 'undici'
import { acquire } from '../../src/acquire/acquire.ts'
import { FileCache } from '../../src/acquire/cache.ts'
import { Mirror } from '../../src/acquire/mirror.ts'
import type { Source } from '../../src/acquire/source.ts'
import { fileRoles, type Progress } from '../../src/dataset.ts'
import { verifyFile } from '../../src/decode/file.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { deadAddress, endless, promise, redirectTo, reset, send, stall, startMirror, status, type Answer } from '../fixtures/mirror.ts'
import { idxFile, tinyDataset } from '../fixtures/tiny-dataset.ts'

const { entry, content, gzipped } = tinyDataset()
const { trainImages: first } = entry.files
const asked = `${first.name}.gz`
const good: Record<string, Answer> = Object.fromEntries(fileRoles.map(role => [`${entry.files[role].name}.gz`, send(gzipped[role])]))

/** Like the agent that mirrors use by default, but in a hurry. */
const impatient = new Agent({ headersTimeout: 300, bodyTimeout: 300 }).compose(interceptors.redirect({ maxRedirections: 3 }))
t.teardown(() => impatient.close())

async function acquireFrom (folder: string, sources: readonly Source[], signal = new AbortController().signal) {
  const warnings: string[] = []
  const reports: Progress[] = []
  const acquired = await acquire(entry, {
    cache: new FileCache(folder),
    sources,
    verify: verifyFile,
    signal,
    report: progress => { reports.push(progress) },
    warn: message => { warnings.push(message) }
  })
  return { ...acquired, warnings, reports }
}

t.test('a mirror that has everything fills the cache, and is not asked again', async t => {
  const folder = t.testdir()
  const mirror = await startMirror(t, good)
  const { files, provenance, warnings, reports } = await acquireFrom(folder, [new Mirror(mirror.base)])
  for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
  t.same(provenance.map(({ source }) => source), fileRoles.map(() => mirror.base))
  t.same(warnings, [])
  const last = reports.filter(({ item }) => item === first.name).at(-1)!
  t.same([last.stage, last.done, last.total], ['acquire', content.trainImages.length, content.trainImages.length])
  await checkCache(t, folder, 4)

  const again = await acquireFrom(folder, [new Mirror(mirror.base)])
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
  const { files, warnings } = await acquireFrom(folder, [new Mirror(mirror.base)])
  for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
  t.same(warnings, [])
  await checkCache(t, folder, 4)
})

const flipped = Buffer.from(content.trainImages)
flipped[100]! ^= 0x10
const cutOff = /^(other side closed|terminated|read ECONNRESET)$/
const misbehaviour: Array<[what: string, answer: Answer, reason: RegExp]> = [
  ['a truncated gzip', send(gzipped.trainImages.subarray(0, -20)), /^is not a whole gzip file: ./],
  ['a truncated plain file', send(content.trainImages.subarray(0, -20)), /^has 940 bytes of data where its IDX header says 60×4×4 = 960$/],
  ['an empty body', send(new Uint8Array(0)), /^is not IDX of unsigned bytes: starts with nothing/],
  ['another content', send(gzipSync(flipped)), /^has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$/],
  ['another magic', send(gzipSync(Buffer.concat([Buffer.of(0, 0, 9), content.trainImages.subarray(3)]))), /^is not IDX of unsigned bytes: starts with 00 00 09 03/],
  ['another file of the dataset', send(gzipped.testImages), /^has dimensions 20×4×4, expected 60×4×4$/],
  ['a page with status 200', send(Buffer.from('<html>Gone</html>'), { 'content-type': 'text/html' }), /^is an HTML page, not data$/],
  ['absurd dimensions', send(idxFile([0xffffffff, 0xffffffff, 0xffffffff], Uint8Array.of(1))), /^has 1 bytes of data where its IDX header says/],
  ['a gzip bomb', send(gzipSync(Buffer.alloc(3 << 20))), /^decompresses to more than the expected 976 bytes$/],
  ['HTTP 403', status(403), /^HTTP 403$/],
  ['HTTP 404', status(404), /^HTTP 404$/],
  ['HTTP 500', status(500), /^HTTP 500$/],
  ['HTTP 204', (_, response) => { response.writeHead(204).end() }, /^HTTP 204$/],
  ['a redirect to itself', redirectTo(`/${asked}`), /^Redirect loop detected/],
  ['redirects without end', (_, response) => { response.writeHead(302, { location: `/${asked}?${randomUUID()}` }).end() }, /^HTTP 302$/],
  ['a body without end', endless(Buffer.alloc(1000)), /^sent more than \d+ bytes$/],
  ['a reset in the middle', reset(gzipped.trainImages.subarray(0, 500)), cutOff],
  ['a close in the middle', promise(gzipped.trainImages.length, gzipped.trainImages.subarray(0, 500)), cutOff],
  ['the whole file, and a promise of more', promise(gzipped.trainImages.length + 1, gzipped.trainImages), cutOff],
  ['a stall in the middle', stall(gzipped.trainImages.subarray(0, 500)), /^Body Timeout Error$/],
  ['a stall before the headers', () => {}, /^Headers Timeout Error$/],
  ['no HTTP', (_, response) => { response.socket!.end('SSH-2.0-OpenSSH_9.6\r\n') }, /does not match the HTTP\/1.1 protocol/]
]
for (const [what, answer, reason] of misbehaviour) {
  t.test(`${what}: the next source is asked, and nothing of it is kept`, async t => {
    const folder = t.testdir()
    const bad = await startMirror(t, { ...good, [asked]: answer })
    const next = await startMirror(t, good)
    const { files, provenance, warnings } = await acquireFrom(folder, [new Mirror(bad.base, impatient), new Mirror(next.base)])
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
  const { provenance, warnings } = await acquireFrom(folder, [new Mirror(dead), new Mirror(next.base)])
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
  await t.rejects(new Mirror(mirror.base).read(first, new AbortController().signal, () => {}), {
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
  await t.rejects(acquireFrom(folder, [forbidden.base, page.base, dead].map(base => new Mirror(base))), {
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
    sources: [new Mirror(mirror.base), new Mirror(next.base)],
    verify: verifyFile,
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
