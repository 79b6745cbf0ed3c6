import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import type { OriginalFile } from '../../../src/dataset/originals.ts'
import type { LoadedDataset } from '../../../src/dataset/registry.ts'
import { ServiceError } from '../../../src/errors.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
const sha256 = createHash('sha256').update(bytes).digest('hex')
const etag = `"${sha256}"`
const dataset = prepared({ train: 3, val: 1, test: 1 })
const url = '/v1/datasets/made-up/files/images.gz'

const file: OriginalFile = {
  name: 'images.gz',
  mediaType: 'application/gzip',
  bytes: bytes.length,
  sha256,
  immutable: true,
  read: async (start, end) => Readable.from([bytes.subarray(start, end + 1)])
}

/** The dataset with one original file. */
function withFile (file: OriginalFile): LoadedDataset {
  const open = async (name: string) => name === file.name ? file : await dataset.originals.open(name)
  return { ...dataset, originals: { gzips: [], open } }
}

t.test('a complete file', async t => {
  const { app } = await appOver(t, [withFile(file)])
  const response = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } })
  const headers = {
    'content-type': 'application/gzip',
    'content-length': '1000',
    'content-disposition': 'attachment; filename=images.gz',
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=31536000, immutable',
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    etag
  }
  t.equal(response.statusCode, 200)
  t.match(response.headers, headers)
  t.equal(response.headers['content-encoding'], undefined)
  t.same(response.rawPayload, bytes)

  const head = await app.inject({ method: 'HEAD', url, headers: { range: 'bytes=0-1' } })
  t.equal(head.statusCode, 200, 'HEAD ignores ranges')
  t.match(head.headers, headers)
  t.equal(head.rawPayload.length, 0)

  const { app: other } = await appOver(t, [withFile({ ...file, immutable: false })])
  const { headers: { 'cache-control': cacheControl } } = await other.inject(url)
  t.equal(cacheControl, 'no-cache', 'a file that other servers may compress differently is revalidated')
})

t.test('a file may have any name', async t => {
  const names: Array<[name: string, disposition: string]> = [
    ['a "b"\\c.gz', String.raw`attachment; filename="a \"b\"\\c.gz"`],
    ['Ziffern é.gz', "attachment; filename=\"Ziffern ?.gz\"; filename*=UTF-8''Ziffern%20%C3%A9.gz"],
    ['数字.gz', "attachment; filename=\"??.gz\"; filename*=UTF-8''%E6%95%B0%E5%AD%97.gz"],
    ['a\nb', "attachment; filename=\"a?b\"; filename*=UTF-8''a%0Ab"],
    ['数'.repeat(85), `attachment; filename="${'?'.repeat(85)}"; filename*=UTF-8''${'%E6%95%B0'.repeat(85)}`]
  ]
  for (const [name, disposition] of names) {
    const { app } = await appOver(t, [withFile({ ...file, name })])
    const response = await app.inject(`/v1/datasets/made-up/files/${encodeURIComponent(name)}`)
    t.equal(response.statusCode, 200, name)
    t.equal(response.headers['content-disposition'], disposition)
    t.same(response.rawPayload, bytes)
  }
})

t.test('a range of a file', async t => {
  const { app } = await appOver(t, [withFile(file)])
  const ranges = [
    ['bytes=0-0', 0, 0],
    ['bytes=100-', 100, 999],
    ['bytes=-10', 990, 999],
    ['bytes=500-5000', 500, 999]
  ] as const
  for (const [range, start, end] of ranges) {
    const response = await app.inject({ url, headers: { range, 'if-range': etag } })
    t.equal(response.statusCode, 206, range)
    t.match(response.headers, {
      'content-range': `bytes ${start}-${end}/1000`,
      'content-length': `${end - start + 1}`,
      etag,
      'content-type': 'application/gzip'
    })
    t.same(response.rawPayload, bytes.subarray(start, end + 1))
  }
  const ignored = [{ range: 'bytes=0-1,3-4' }, { range: 'lines=0-1' }, { range: 'bytes=0-1', 'if-range': '"other"' }]
  for (const headers of ignored) {
    const response = await app.inject({ url, headers })
    const { statusCode, rawPayload, headers: { 'content-range': contentRange } } = response
    t.same([statusCode, rawPayload.length, contentRange], [200, 1000, undefined], JSON.stringify(headers))
  }
  const beyond = await app.inject({ url, headers: { range: 'bytes=1000-' } })
  const { 'content-range': contentRange, etag: noTag } = beyond.headers
  t.same([beyond.statusCode, contentRange, noTag], [416, 'bytes */1000', undefined])
  t.match(beyond.json(), {
    code: 'range_not_satisfiable',
    detail: "images.gz has 1000 bytes, 'bytes=1000-' is beyond them"
  })
})

t.test('a client that has the file gets 304, and the file is not read', async t => {
  const { app } = await appOver(t, [withFile({ ...file, read: () => { throw new Error('must not be read') } })])
  for (const headers of [
    { 'if-none-match': etag },
    { 'if-none-match': `"x", W/${etag}` },
    { 'if-none-match': '*', range: 'bytes=0-1' },
    { 'if-none-match': etag, range: 'bytes=1000-' }
  ]) {
    const response = await app.inject({ url, headers })
    t.same(
      [response.statusCode, response.headers['etag'], response.headers['cache-control'], response.rawPayload.length],
      [304, etag, 'public, max-age=31536000, immutable', 0]
    )
  }
})

t.test('unknown files, parameters and unavailable files are problems', async t => {
  const { app } = await appOver(t, [withFile(file)])
  t.match((await app.inject('/v1/datasets/made-up/files/labels')).json(), {
    status: 404,
    code: 'unknown_file',
    detail: "made-up has no file 'labels'"
  })
  const traversal = await app.inject('/v1/datasets/made-up/files/..%2F..%2Fetc%2Fpasswd')
  t.match(traversal.json(), { status: 404, code: 'unknown_file' })
  t.match((await app.inject(`${url}?version=1`)).json(), { status: 400, errors: [{ parameter: 'version' }] })

  const open = async () => { throw new ServiceError('no_source', 'no source has it') }
  const { app: failing } = await appOver(t, [{ ...dataset, originals: { gzips: [], open } }])
  const response = await failing.inject(url)
  t.match(
    [response.statusCode, response.headers['cache-control'], response.json()],
    [503, 'no-store', { code: 'no_source' }]
  )
})

t.test('a file that cannot be opened or read is a problem without the headers of the file', async t => {
  const broken = async () => createReadStream(join(t.testdir(), 'missing'))
  const directory = async () => createReadStream(t.testdir())
  const absent = async () => { throw new ServiceError('source_unavailable', 'the file cannot be opened') }
  for (const read of [broken, directory, absent]) {
    const { app } = await appOver(t, [withFile({ ...file, read })])
    for (const headers of [{}, { range: 'bytes=0-9' }]) {
      const response = await app.inject({ url, headers })
      t.equal(response.statusCode, 503)
      t.match(response.json(), { code: 'source_unavailable' })
      t.equal(Number(response.headers['content-length']), response.rawPayload.length)
      for (const name of ['etag', 'content-disposition', 'repr-digest', 'accept-ranges', 'content-range']) {
        t.equal(response.headers[name], undefined, name)
      }
      t.equal(response.headers['cache-control'], 'no-store')
    }
  }
})

t.test('a file that fails while it is sent aborts the response', async t => {
  async function * failing () {
    yield bytes
    throw new Error('input/output error')
  }
  const read = async () => Readable.from(failing())
  const { app, log } = await appOver(t, [withFile({ ...file, bytes: 2000, read })])
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const [response] = await once(get(`${address}${url}`), 'response') as [IncomingMessage]
  await t.rejects(buffer(response), { code: 'ECONNRESET' })
  const problems = log.filter(({ level }) => level > 30)
  t.match(problems, [{ msg: 'unexpected error', err: { message: 'input/output error' } }, { msg: 'request aborted' }])
})

t.test('malformed conditions and ranges are ignored', async t => {
  const { app } = await appOver(t, [withFile(file)])
  const malformed = ['bytes', 'bytes=', 'bytes=-', 'bytes=5-1', 'bytes=a-b', 'bytes=0-1;2', '=', 'bytes=--1']
  for (const range of malformed) t.equal((await app.inject({ url, headers: { range } })).statusCode, 200, range)
  for (const name of ['if-none-match', 'if-modified-since', 'if-range', 'if-match', 'accept-encoding']) {
    for (const value of ['', '"', 'W/', ',;=', 'not a date', 'identity;q=0', '*;q=0']) {
      const { statusCode, rawPayload } = await app.inject({ url, headers: { [name]: value } })
      t.same([statusCode, rawPayload.length], [200, 1000], `${name}: ${value}`)
    }
  }
})

t.test('reading pauses while the client does not read, and ends when it disconnects', async t => {
  let pulled = 0
  const body = new Readable({
    highWaterMark: 1 << 16,
    read () {
      pulled += 1 << 16
      this.push(Buffer.alloc(1 << 16))
    }
  })
  const { app } = await appOver(t, [withFile({ ...file, bytes: 2 ** 40, read: async () => body })])
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const request = get(`${address}${url}`)
  const [response] = await once(request, 'response') as [IncomingMessage]
  await once(response, 'readable')
  const closed = new Promise(resolve => body.once('close', resolve))
  t.ok(pulled < 2 ** 30, 'reading waits for the client')
  request.destroy()
  await closed
  t.ok(body.destroyed)
})
