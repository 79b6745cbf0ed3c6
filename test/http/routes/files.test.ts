import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import type { OriginalFile } from '../../../src/dataset/originals.ts'
import type { LoadedDataset } from '../../../src/dataset/registry.ts'
import { ServiceError } from '../../../src/errors.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
const sha256 = createHash('sha256').update(bytes).digest('hex')
const etag = `"${sha256}"`
const made = prepared({ train: 3, val: 1, test: 1 })
const url = '/v1/datasets/made-up/files/images.gz'

const file: OriginalFile = {
  name: 'images.gz',
  mediaType: 'application/gzip',
  bytes: bytes.length,
  sha256,
  immutable: true,
  read: async (start, end) => Readable.from([bytes.subarray(start, end + 1)])
}

/** A dataset with one file. */
function having (file: OriginalFile): LoadedDataset {
  return { ...made, originals: { gzips: [], open: async name => name === file.name ? file : await made.originals.open(name) } }
}

t.test('a file, whole', async t => {
  const { app } = await appOver(t, [having(file)])
  const answer = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } })
  const headers = {
    'content-type': 'application/gzip',
    'content-length': '1000',
    'content-disposition': 'attachment; filename="images.gz"',
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=31536000, immutable',
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    etag
  }
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, headers)
  t.equal(answer.headers['content-encoding'], undefined)
  t.same(answer.rawPayload, bytes)

  const head = await app.inject({ method: 'HEAD', url, headers: { range: 'bytes=0-1' } })
  t.equal(head.statusCode, 200, 'ranges are for GET')
  t.match(head.headers, headers)
  t.equal(head.rawPayload.length, 0)

  const { app: other } = await appOver(t, [having({ ...file, immutable: false })])
  t.equal((await other.inject(url)).headers['cache-control'], 'no-cache', 'what another server may compress otherwise is to be asked for again')
})

t.test('a part of a file', async t => {
  const { app } = await appOver(t, [having(file)])
  for (const [range, start, end] of [['bytes=0-0', 0, 0], ['bytes=100-', 100, 999], ['bytes=-10', 990, 999], ['bytes=500-5000', 500, 999]] as const) {
    const answer = await app.inject({ url, headers: { range, 'if-range': etag } })
    t.equal(answer.statusCode, 206, range)
    t.match(answer.headers, { 'content-range': `bytes ${start}-${end}/1000`, 'content-length': `${end - start + 1}`, etag, 'content-type': 'application/gzip' })
    t.same(answer.rawPayload, bytes.subarray(start, end + 1))
  }
  for (const headers of [{ range: 'bytes=0-1,3-4' }, { range: 'lines=0-1' }, { range: 'bytes=0-1', 'if-range': '"other"' }]) {
    const answer = await app.inject({ url, headers })
    t.same([answer.statusCode, answer.rawPayload.length, answer.headers['content-range']], [200, 1000, undefined], JSON.stringify(headers))
  }
  const beyond = await app.inject({ url, headers: { range: 'bytes=1000-' } })
  t.same([beyond.statusCode, beyond.headers['content-range'], beyond.headers['etag']], [416, 'bytes */1000', undefined])
  t.match(beyond.json(), { code: 'range_not_satisfiable', detail: "images.gz has 1000 bytes, 'bytes=1000-' is beyond them" })
})

t.test('who has the file already', async t => {
  const { app } = await appOver(t, [having({ ...file, read: () => { throw new Error('it is not read') } })])
  for (const headers of [{ 'if-none-match': etag }, { 'if-none-match': `"x", W/${etag}` }, { 'if-none-match': '*', range: 'bytes=0-1' }, { 'if-none-match': etag, range: 'bytes=1000-' }]) {
    const answer = await app.inject({ url, headers })
    t.same([answer.statusCode, answer.headers['etag'], answer.headers['cache-control'], answer.rawPayload.length], [304, etag, 'public, max-age=31536000, immutable', 0])
  }
})

t.test('what cannot be served', async t => {
  const { app } = await appOver(t, [having(file)])
  t.match((await app.inject('/v1/datasets/made-up/files/labels')).json(), { status: 404, code: 'unknown_file', detail: "made-up has no file 'labels'" })
  t.match((await app.inject('/v1/datasets/made-up/files/..%2F..%2Fetc%2Fpasswd')).json(), { status: 404, code: 'unknown_file' })
  t.match((await app.inject(`${url}?version=1`)).json(), { status: 400, errors: [{ parameter: 'version' }] })

  const { app: failing } = await appOver(t, [{ ...made, originals: { gzips: [], open: async () => { throw new ServiceError('no_source', 'no source has it') } } }])
  const answer = await failing.inject(url)
  t.match([answer.statusCode, answer.headers['cache-control'], answer.json()], [503, 'no-store', { code: 'no_source' }])
})

t.test('a description says what each file is', async t => {
  const files = [{ name: 'images', bytes: 9, sha256: 'cc', source: 'shelf', gzipped: false }]
  const gzips = [{ name: 'images.gz', original: true, made: 'reproduced' as const, bytes: 5, md5: 'aa', sha256: 'bb' }]
  const { app } = await appOver(t, [{ ...made, files, originals: { ...made.originals, gzips } }])
  t.same((await app.inject('/v1/datasets/made-up')).json().provenance.files, [{
    name: 'images',
    bytes: 9,
    sha256: 'cc',
    source: 'shelf',
    url: '/v1/datasets/made-up/files/images',
    gzip: { url, original: true, made: 'reproduced', bytes: 5, md5: 'aa', sha256: 'bb' }
  }])
})

t.test('a reader that stops is read for no further, and one that leaves ends the reading', async t => {
  let pulled = 0
  const body = new Readable({ highWaterMark: 1 << 16, read () { pulled += 1 << 16; this.push(Buffer.alloc(1 << 16)) } })
  const { app } = await appOver(t, [having({ ...file, bytes: 2 ** 40, read: async () => body })])
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const request = get(`${address}${url}`)
  const [response] = await once(request, 'response') as [IncomingMessage]
  await once(response, 'readable')
  const closed = new Promise(resolve => body.once('close', resolve))
  t.ok(pulled < 2 ** 30, 'it waits for its reader')
  request.destroy()
  await closed
  t.ok(body.destroyed)
})
