import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { RecordBatchReader } from 'apache-arrow'
import t, { type Test } from 'tap'
import type { LoadedDataset } from '../../../src/dataset/registry.ts'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { heldBuffers } from '../../fixtures/garbage.ts'
import { prepared } from '../../fixtures/prepared.ts'

const train = '/v1/datasets/made-up/splits/train'
const dataset = prepared({ train: 101, val: 20, test: 7 })

const queries = [
  'batch_size=30',
  'batch_size=30&page=2',
  'batch_size=30&page=3&normalization=raw&labels=index&layout=nchw',
  'batch_size=25&seed=7&epoch=3&normalization=unit',
  'batch_size=9&seed=7&rank=1&world_size=3&page=1',
  'batch_size=9&seed=7&rank=2&world_size=3&remainder=pad&labels=index',
  'batch_size=9&rank=2&world_size=3&remainder=drop&normalization=standard'
]

type App = Awaited<ReturnType<typeof appOver>>['app']

/** The bodies of /batches from the page of a query on. */
async function batchesOf (app: App, query: string, format: string): Promise<Buffer[]> {
  const bodies: Buffer[] = []
  for (let page = Number(/\bpage=(\d+)/.exec(query)?.[1] ?? 0), pages = page + 1; page < pages; page++) {
    const answer = await app.inject(`${train}/batches?${query.replace(/&page=\d+/, '')}&page=${page}&format=${format}`)
    pages = Number(answer.headers['batch-pages'])
    bodies.push(answer.rawPayload)
  }
  return bodies
}

t.test('ndjson: each line is a batch, byte for byte, and the last one says that it is', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of queries) {
    const { headers, body } = await app.inject(`${train}/stream?${query}`)
    t.equal(headers['content-type'], 'application/x-ndjson')
    const batches = (await batchesOf(app, query, 'json')).map(String)
    const samples = batches.reduce((sum, batch) => sum + JSON.parse(batch).count, 0)
    t.same(body.split('\n'), [...batches, JSON.stringify({ end: true, pages: batches.length, samples }), ''], query)
  }
})

t.test('arrow: each record batch has the bytes and the metadata of a batch', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of queries) {
    const { headers, rawPayload } = await app.inject(`${train}/stream?${query}&format=arrow`)
    t.equal(headers['content-type'], 'application/vnd.apache.arrow.stream')
    const pages = readArrow(rawPayload)
    t.same(pages, (await batchesOf(app, query, 'arrow')).flatMap(readArrow), query)
    t.same(rawPayload.subarray(-8), Buffer.of(255, 255, 255, 255, 0, 0, 0, 0), 'the end is marked')
  }
})

/** Each record batch: what it and its schema say, and the bytes of its columns. */
function readArrow (body: Buffer) {
  return [...RecordBatchReader.from(body)].map(batch => ({
    metadata: Object.fromEntries([...batch.schema.metadata, ...batch.metadata].sort()),
    fields: batch.schema.fields.map(field => [String(field), ...field.metadata]),
    columns: batch.data.children.map(({ values, children }) => {
      const { buffer, byteOffset, byteLength } = values ?? children[0]!.values
      return Buffer.from(buffer, byteOffset, byteLength).toString('hex')
    })
  }))
}

t.test('a stream is cached as a batch is', async t => {
  const { app } = await appOver(t, [dataset])
  const url = `${train}/stream?seed=1&batch_size=20`
  const { headers } = await app.inject(url)
  t.match(headers, { 'cache-control': 'no-cache', etag: /^"[!-~]+"$/, vary: /Accept/, 'batch-pages': '6', 'batch-size': '20', 'batch-seed': '1' })
  t.notOk(['batch-page', 'batch-count', 'batch-shape', 'content-length'].some(name => name in headers), 'nothing is said that is not true of all pages')
  const again = await app.inject({ url, headers: { 'if-none-match': headers.etag as string } })
  t.same([again.statusCode, again.body], [304, ''])
  t.equal((await app.inject(`${url}&version=${dataset.version}`)).headers['cache-control'], 'public, max-age=31536000, immutable')

  const urls = [url, `${url}&page=1`, `${url}&format=arrow`, `${url}&labels=index`, url.replace('seed=1', 'seed=2'), url.replace('stream', 'batches')]
  const tags = await Promise.all(urls.map(async url => (await app.inject(url)).headers.etag))
  t.equal(new Set(tags).size, urls.length, 'each has an ETag of its own')
})

t.test('text and u8 are compressed as batches are, and binary floats are not', async t => {
  const { app } = await appOver(t, [dataset])
  const compressed = ['', '?batch_size=1', '?seed=3&batch_size=20&page=2', '?format=arrow&normalization=raw&seed=1', '?world_size=102&rank=101&batch_size=1']
  for (const url of compressed.map(query => `${train}/stream${query}`)) {
    const plain = await app.inject(url)
    const tags = new Set([plain.headers.etag])
    for (const [coding, { whole }] of Object.entries(decompressors)) {
      const answer = await app.inject({ url, headers: { 'accept-encoding': coding } })
      t.match(answer.headers, { 'content-type': plain.headers['content-type'], 'content-encoding': coding, vary: /Accept-Encoding/ })
      t.notOk('content-length' in answer.headers)
      t.ok(whole(answer.rawPayload).equals(plain.rawPayload), `${url} as ${coding}`)
      const etag = answer.headers.etag as string
      const again = await app.inject({ url, headers: { 'accept-encoding': coding, 'if-none-match': etag } })
      t.same([again.statusCode, again.headers.etag, again.headers['content-encoding']], [304, etag, undefined])
      t.equal((await app.inject({ method: 'HEAD', url, headers: { 'if-none-match': etag } })).statusCode, 200, 'but is another one as it is')
      tags.add(etag)
    }
    t.equal(tags.size, 1 + Object.keys(decompressors).length, 'each coding has an ETag of its own')
  }
  for (const query of ['', '&normalization=unit', '&dtype=float16', '&normalization=standard&labels=index']) {
    const url = `${train}/stream?format=arrow${query}`
    const [plain, answer] = [await app.inject(url), await app.inject({ url, headers: { 'accept-encoding': 'gzip, br, zstd' } })]
    t.same([answer.headers['content-encoding'], answer.headers.etag], [undefined, plain.headers.etag])
    t.ok(answer.rawPayload.equals(plain.rawPayload), url)
  }
})

t.test('HEAD says what GET would, and makes no page', async t => {
  const url = `${train}/stream?batch_size=1&normalization=raw`
  for (const coding of ['identity', ...Object.keys(decompressors)]) {
    const { watched, made } = watch(dataset)
    const { app } = await appOver(t, [watched])
    const asked = { url, headers: { 'accept-encoding': coding } }
    const head = await app.inject({ method: 'HEAD', ...asked })
    const { date: _, connection: __, 'x-request-id': ___, 'transfer-encoding': ____, ...headers } = head.headers
    t.same([head.statusCode, head.body, made()], [200, '', 0])
    t.match((await app.inject(asked)).headers, headers)
    t.equal(headers['content-encoding'], coding === 'identity' ? undefined : coding)
  }
})

t.test('bad parameters are answered as those of batches are', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of ['page=-1', 'page=1e3', 'batch_size=65', 'seed=x', 'epoch=1', 'rank=1', 'rank=2&world_size=2', 'colour=red', 'layout=hwc&labels=no', 'page=2', 'version=0', 'remainder=drop&rank=0&world_size=7&batch_size=20']) {
    const [batches, stream] = await Promise.all(['batches', 'stream'].map(resource => app.inject(`${train}/${resource}?${query}`)))
    t.ok(stream!.statusCode >= 400, query)
    t.same([stream!.statusCode, stream!.json()], [batches!.statusCode, batches!.json()], query)
  }
  t.equal((await app.inject('/v1/datasets/made-up/splits/dev/stream')).json().code, 'unknown_split')
  t.match((await app.inject({ url: `${train}/stream`, headers: { accept: 'text/csv' } })).json(), { code: 'not_acceptable', available: [{ format: 'ndjson' }, { format: 'arrow' }] })
})

/** The dataset, and how often the pixels of `train` were taken: once for each page. */
function watch (dataset: LoadedDataset, onPage = (_made: number): void => {}): { watched: LoadedDataset, made: () => number } {
  let made = 0
  const { images } = dataset.splits.train
  const train = { ...dataset.splits.train, get images () { onPage(++made); return images } }
  return { watched: { ...dataset, splits: { ...dataset.splits, train } }, made: () => made }
}

const PAGE = 64
const PAGES = 200
const PAGE_BYTES = PAGE * 784 * 4
const large = prepared({ train: PAGE * PAGES, val: 1, test: 1 }, { rows: 28, columns: 28 })

/** The head of a stream's response, of which nothing is read yet: Arrow, or compressed NDJSON. */
async function open (t: Test, app: App, coding?: string): Promise<IncomingMessage> {
  const request = get(`${await app.listen({ port: 0 })}${train}/stream?batch_size=${PAGE}&normalization=unit&seed=1&format=${coding ? 'ndjson' : 'arrow'}`, {
    agent: false, headers: { 'accept-encoding': coding ?? 'identity' }
  })
  t.teardown(() => request.destroy())
  const [answer] = await once(request, 'response') as [IncomingMessage]
  return answer.on('error', () => {})
}

/** Waits until no more pages are made: until a thousand turns of the event loop made none. */
function settled (made: () => number): Promise<number> {
  return unchanged(made, 1000, turn)
}

/** The same of compressed pages: until twenty were compressed here, on the same threads, while none was made. */
function settledCompressed (made: () => number): Promise<number> {
  const page = Buffer.from(large.splits.train.images.subarray(0, PAGE * 784).join())
  return unchanged(made, 20, () => promisify(gzip)(page))
}

async function unchanged (made: () => number, times: number, wait: () => Promise<unknown>): Promise<number> {
  for (let still = 0, last = -1; still < times; still = made() === last ? still + 1 : 0) {
    last = made()
    await wait()
  }
  return made()
}

t.test('a reader that stops reading stops the making, and gets the rest when it goes on', async t => {
  const { watched, made } = watch(large)
  const { app } = await appOver(t, [watched])
  const before = process.memoryUsage().arrayBuffers
  const answer = await open(t, app)
  const whileStopped = await settled(made)
  const held = process.memoryUsage().arrayBuffers - before
  t.comment(`${whileStopped} of ${PAGES} pages made while nothing is read, ${(held / PAGE_BYTES).toFixed(1)} pages' worth of memory held`)
  // Pages that the sockets' own buffers took in (some megabytes, Linux decides) are made, but not kept.
  t.ok(whileStopped < PAGES / 2, 'the making stops')
  t.equal(await settled(made), whileStopped, 'and stays stopped')

  let bytes = 0
  for await (const chunk of answer) bytes += chunk.length
  t.equal(made(), PAGES)
  t.ok(bytes > PAGES * PAGE_BYTES)
})

t.test('fifty stopped readers hold a few pages each', async t => {
  const READERS = 50
  const { watched, made } = watch(large)
  const { app } = await appOver(t, [watched])
  const url = `${await app.listen({ port: 0 })}${train}/stream?batch_size=${PAGE}&normalization=unit&format=arrow`
  const before = await heldBuffers()
  for (let i = 0; i < READERS; i++) {
    const request = get(url, { agent: false })
    t.teardown(() => request.destroy())
    const [answer] = await once(request, 'response') as [IncomingMessage]
    answer.on('error', () => {})
  }
  await settled(made)
  const each = (await heldBuffers() - before) / READERS / PAGE_BYTES
  t.comment(`${made()} pages made, ${each.toFixed(2)} pages' worth of memory held for each reader`)
  t.ok(each < 4)
})

t.test('a reader that goes away stops the making', async t => {
  const { watched, made } = watch(large)
  const { app, log } = await appOver(t, [watched])
  const answer = await open(t, app)
  await settled(made)
  answer.destroy()
  while (!log.some(({ msg }) => msg === 'request aborted')) await turn()
  const whenGone = made()
  t.equal(await settled(made), whenGone)
  t.ok(whenGone < PAGES)
})

for (const coding of Object.keys(decompressors)) {
  t.test(`${coding}: a reader that stops reading stops the making, holds a few pages, and ends it when it goes away`, async t => {
    const { watched, made } = watch(large)
    const { app, log } = await appOver(t, [watched])
    const pageBytes = (await app.inject(`${train}/batches?batch_size=${PAGE}&normalization=unit&seed=1`)).rawPayload.length
    const [before, madeBefore] = [await heldBuffers(), made()]
    const answer = await open(t, app, coding)
    const whileStopped = await settledCompressed(made)
    const held = (await heldBuffers() - before) / pageBytes
    t.equal(answer.headers['content-encoding'], coding)
    t.comment(`${whileStopped - madeBefore} of ${PAGES} pages made while nothing is read, ${held.toFixed(1)} pages' worth of memory held`)
    t.ok(whileStopped < PAGES / 2, 'the making stops')
    t.ok(held < 5, 'and little is held')
    t.equal(await settledCompressed(made), whileStopped, 'and stays stopped')

    answer.destroy()
    while (!log.some(({ msg }) => msg === 'request aborted')) await turn()
    t.equal(await settledCompressed(made), whileStopped, 'nothing is made for nobody')
    t.same(log.filter(({ msg }) => msg === 'unexpected error'), [])
  })

  t.test(`${coding}: a stream that breaks is cut, not ended`, async t => {
    const { watched, made } = watch(large, page => { if (page === 4) throw new Error('no such pixels') })
    const { app, log } = await appOver(t, [watched])
    const answer = await open(t, app, coding)
    const chunks: Buffer[] = []
    answer.on('data', chunk => chunks.push(chunk))
    await t.rejects(once(answer, 'end'), { code: 'ECONNRESET' })
    t.notOk(answer.complete)
    t.equal(made(), 4)
    t.throws(() => decompressors[coding]!.whole(Buffer.concat(chunks)), 'nor is the end of the coding there')
    t.match(log.slice(-2), [{ msg: 'unexpected error', err: { message: 'no such pixels' } }, { msg: 'request aborted', reason: 'no such pixels' }])
  })
}

t.test('other requests are answered between two pages', async t => {
  const { watched, made } = watch(large)
  const { app } = await appOver(t, [watched])
  const answer = await open(t, app)
  answer.resume()
  const url = `${app.listeningOrigin}/healthz`
  let answered = 0
  while (!answer.complete) {
    t.equal((await fetch(url)).status, 200)
    if (made() < PAGES) answered++
  }
  t.ok(answered > 1, `${answered} requests were answered while the stream went on`)
})

t.test('a stream that breaks is cut, not ended', async t => {
  const { watched, made } = watch(large, page => { if (page === PAGES / 2) throw new Error('no such pixels') })
  const { app, log } = await appOver(t, [watched])
  const answer = await open(t, app)
  await t.rejects(answer.resume().toArray(), { code: 'ECONNRESET' })
  t.notOk(answer.complete)
  t.equal(made(), PAGES / 2)
  t.match(log.slice(-2), [{ msg: 'unexpected error', err: { message: 'no such pixels' } }, { msg: 'request aborted', reason: 'no such pixels' }])
})
