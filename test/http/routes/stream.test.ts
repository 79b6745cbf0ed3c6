import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
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
  'batch_size=9&seed=7&rank=1&world_size=3&offset=13&page=1',
  'batch_size=30&offset=100&normalization=raw&remainder=pad',
  'batch_size=9&seed=7&rank=2&world_size=3&remainder=pad&labels=index',
  'batch_size=9&rank=2&world_size=3&remainder=drop&normalization=standard'
]

type App = Awaited<ReturnType<typeof appOver>>['app']

/** Fetches the bodies of /batches, beginning with the page of the query. */
async function fetchBatches (app: App, query: string, format: string): Promise<Buffer[]> {
  const bodies: Buffer[] = []
  const url = `${train}/batches?${query.replace(/&page=\d+/, '')}&format=${format}`
  for (let page = Number(/\bpage=(\d+)/.exec(query)?.[1] ?? 0), pages = page + 1; page < pages; page++) {
    const response = await app.inject(`${url}&page=${page}`)
    pages = Number(response.headers['batch-pages'])
    bodies.push(response.rawPayload)
  }
  return bodies
}

t.test('NDJSON: each line is the body of a batch, and the last line marks the end', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of queries) {
    const { headers, body } = await app.inject(`${train}/stream?${query}`)
    t.equal(headers['content-type'], 'application/x-ndjson')
    const batches = (await fetchBatches(app, query, 'json')).map(String)
    const samples = batches.reduce((sum, batch) => sum + JSON.parse(batch).count, 0)
    t.same(body.split('\n'), [...batches, JSON.stringify({ end: true, pages: batches.length, samples }), ''], query)
  }
})

t.test('Arrow: each record batch has the columns and the metadata of a batch', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of queries) {
    const { headers, rawPayload } = await app.inject(`${train}/stream?${query}&format=arrow`)
    t.equal(headers['content-type'], 'application/vnd.apache.arrow.stream')
    const pages = readArrow(rawPayload)
    t.same(pages, (await fetchBatches(app, query, 'arrow')).flatMap(readArrow), query)
    t.same(rawPayload.subarray(-8), Buffer.of(255, 255, 255, 255, 0, 0, 0, 0), 'the end is marked')
  }
})

/** The metadata and fields of each record batch, and the bytes of its columns. */
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

t.test('streams are cached like batches', async t => {
  const { app } = await appOver(t, [dataset])
  const url = `${train}/stream?seed=1&batch_size=20`
  const { headers } = await app.inject(url)
  t.match(headers, {
    'cache-control': 'no-cache',
    etag: /^"[!-~]+"$/,
    vary: /Accept/,
    'batch-pages': '6',
    'batch-size': '20',
    'batch-seed': '1'
  })
  const pageHeaders = ['batch-page', 'batch-count', 'batch-shape', 'content-length']
  t.notOk(pageHeaders.some(name => name in headers), 'no headers that describe a single page')
  const conditional = await app.inject({ url, headers: { 'if-none-match': headers.etag as string } })
  t.same([conditional.statusCode, conditional.body], [304, ''])
  const pinned = await app.inject(`${url}&version=${dataset.version}`)
  t.equal(pinned.headers['cache-control'], 'public, max-age=31536000, immutable')

  const urls = [
    url,
    `${url}&page=1`,
    `${url}&format=arrow`,
    `${url}&labels=index`,
    url.replace('seed=1', 'seed=2'),
    url.replace('stream', 'batches')
  ]
  const tags = await Promise.all(urls.map(async url => (await app.inject(url)).headers.etag))
  t.equal(new Set(tags).size, urls.length, 'each has its own ETag')
})

t.test('text and u8 are compressed, as in batches', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of [
    '',
    '?batch_size=1',
    '?seed=3&batch_size=20&page=2',
    '?format=arrow&normalization=raw&seed=1',
    '?world_size=102&rank=101&batch_size=1'
  ]) {
    const url = `${train}/stream${query}`
    const plain = await app.inject(url)
    const tags = new Set([plain.headers.etag])
    for (const [coding, { whole: decompress }] of Object.entries(decompressors)) {
      const response = await app.inject({ url, headers: { 'accept-encoding': coding } })
      t.match(response.headers, {
        'content-type': plain.headers['content-type'],
        'content-encoding': coding,
        vary: /Accept-Encoding/
      })
      t.notOk('content-length' in response.headers)
      t.ok(decompress(response.rawPayload).equals(plain.rawPayload), `${url} as ${coding}`)
      const etag = response.headers.etag as string
      const conditional = await app.inject({ url, headers: { 'accept-encoding': coding, 'if-none-match': etag } })
      const { statusCode, headers } = conditional
      t.same([statusCode, headers.etag, headers['content-encoding']], [304, etag, undefined])
      const uncompressed = await app.inject({ method: 'HEAD', url, headers: { 'if-none-match': etag } })
      t.equal(uncompressed.statusCode, 200, 'the tag does not match the uncompressed stream')
      tags.add(etag)
    }
    t.equal(tags.size, 1 + Object.keys(decompressors).length, 'each coding has its own ETag')
  }
})

t.test('binary floats are not compressed', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of ['', '&normalization=unit', '&dtype=float16', '&normalization=standard&labels=index']) {
    const url = `${train}/stream?format=arrow${query}`
    const plain = await app.inject(url)
    const response = await app.inject({ url, headers: { 'accept-encoding': 'gzip, br, zstd' } })
    t.same([response.headers['content-encoding'], response.headers.etag], [undefined, plain.headers.etag])
    t.ok(response.rawPayload.equals(plain.rawPayload), url)
  }
})

t.test('HEAD has the headers of GET, and computes no page', async t => {
  const url = `${train}/stream?batch_size=1&normalization=raw`
  for (const coding of ['identity', ...Object.keys(decompressors)]) {
    const { counted, computed } = countPages(dataset)
    const { app } = await appOver(t, [counted])
    const options = { url, headers: { 'accept-encoding': coding } }
    const head = await app.inject({ method: 'HEAD', ...options })
    const {
      date: _, connection: __, 'x-request-id': ___, 'transfer-encoding': ____, 'server-timing': _____, ...headers
    } = head.headers
    t.same([head.statusCode, head.body, computed()], [200, '', 0])
    t.match((await app.inject(options)).headers, headers)
    t.equal(headers['content-encoding'], coding === 'identity' ? undefined : coding)
  }
})

t.test('invalid requests get the same problems as requests for batches', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of [
    'page=-1',
    'page=1e3',
    'batch_size=65',
    'seed=x',
    'epoch=1',
    'rank=1',
    'rank=2&world_size=2',
    'colour=red',
    'layout=hwc&labels=no',
    'page=2',
    'version=0',
    'remainder=drop&rank=0&world_size=7&batch_size=20'
  ]) {
    const [batches, stream] = await Promise.all(['batches', 'stream'].map(resource => {
      return app.inject(`${train}/${resource}?${query}`)
    }))
    t.ok(stream!.statusCode >= 400, query)
    t.same([stream!.statusCode, stream!.json()], [batches!.statusCode, batches!.json()], query)
  }
  t.equal((await app.inject('/v1/datasets/made-up/splits/dev/stream')).json().code, 'unknown_split')
  const csv = await app.inject({ url: `${train}/stream`, headers: { accept: 'text/csv' } })
  t.match(csv.json(), { code: 'not_acceptable', available: [{ format: 'ndjson' }, { format: 'arrow' }] })
})

interface CountedDataset {
  readonly counted: LoadedDataset
  /** The number of pages computed so far. */
  readonly computed: () => number
}

/** Wraps a dataset to count its computed pages: each one reads the pixels of `train` once. */
function countPages (dataset: LoadedDataset, onPage = (_page: number): void => {}): CountedDataset {
  let pages = 0
  const { images } = dataset.splits.train
  const train = {
    ...dataset.splits.train,
    get images () {
      onPage(++pages)
      return images
    }
  }
  return { counted: { ...dataset, splits: { ...dataset.splits, train } }, computed: () => pages }
}

const PAGE = 64
const PAGES = 200
const PAGE_BYTES = PAGE * 784 * 4
const large = prepared({ train: PAGE * PAGES, val: 1, test: 1 }, { rows: 28, columns: 28 })

/** Opens a stream, in Arrow or in compressed NDJSON, and returns the response before any of its body is read. */
async function openStream (t: Test, app: App, coding?: string): Promise<IncomingMessage> {
  const query = `batch_size=${PAGE}&normalization=unit&seed=1&format=${coding ? 'ndjson' : 'arrow'}`
  const request = get(`${await app.listen({ port: 0 })}${train}/stream?${query}`, {
    agent: false,
    headers: { 'accept-encoding': coding ?? 'identity' }
  })
  t.teardown(() => request.destroy())
  const [response] = await once(request, 'response') as [IncomingMessage]
  return response.on('error', () => {})
}

/** Waits until no page is computed during a thousand turns of the event loop, and returns the number of pages. */
function waitUntilIdle (computed: () => number): Promise<number> {
  return waitUntilUnchanged(computed, 1000, nextTurn)
}

/** The same for compressed pages: none is computed while twenty pages are compressed here, on the same threads. */
function waitUntilCompressorIdle (computed: () => number): Promise<number> {
  const page = Buffer.from(large.splits.train.images.subarray(0, PAGE * 784).join())
  return waitUntilUnchanged(computed, 20, () => promisify(gzip)(page))
}

async function waitUntilUnchanged (
  computed: () => number,
  times: number,
  wait: () => Promise<unknown>
): Promise<number> {
  for (let unchanged = 0, last = -1; unchanged < times; unchanged = computed() === last ? unchanged + 1 : 0) {
    last = computed()
    await wait()
  }
  return computed()
}

t.test('computation pauses while the client does not read, and continues when it does', async t => {
  const { counted, computed } = countPages(large)
  const { app } = await appOver(t, [counted])
  const before = process.memoryUsage().arrayBuffers
  const response = await openStream(t, app)
  const paused = await waitUntilIdle(computed)
  const held = (process.memoryUsage().arrayBuffers - before) / PAGE_BYTES
  t.comment(`${paused} of ${PAGES} pages computed and ${held.toFixed(1)} pages held while nothing is read`)
  // The buffers of the sockets, several megabytes on Linux, hold pages outside of this process.
  t.ok(paused < PAGES / 2, 'computation pauses')
  t.equal(await waitUntilIdle(computed), paused, 'and stays paused')

  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  t.equal(computed(), PAGES)
  t.ok(bytes > PAGES * PAGE_BYTES)
})

t.test('fifty stalled clients pin a few pages each', async t => {
  const CLIENTS = 50
  const { counted, computed } = countPages(large)
  const { app } = await appOver(t, [counted])
  const base = await app.listen({ port: 0 })
  const url = `${base}${train}/stream?batch_size=${PAGE}&normalization=unit&format=arrow`
  const before = await heldBuffers()
  for (let i = 0; i < CLIENTS; i++) {
    const request = get(url, { agent: false })
    t.teardown(() => request.destroy())
    const [response] = await once(request, 'response') as [IncomingMessage]
    response.on('error', () => {})
  }
  await waitUntilIdle(computed)
  const pagesPerClient = (await heldBuffers() - before) / CLIENTS / PAGE_BYTES
  t.comment(`${computed()} pages computed, ${pagesPerClient.toFixed(2)} pages held for each client`)
  t.ok(pagesPerClient < 4)
})

t.test('computation stops when the client disconnects', async t => {
  const { counted, computed } = countPages(large)
  const { app, log } = await appOver(t, [counted])
  const response = await openStream(t, app)
  await waitUntilIdle(computed)
  response.destroy()
  while (!log.some(({ msg }) => msg === 'request aborted')) await nextTurn()
  const stopped = computed()
  t.equal(await waitUntilIdle(computed), stopped)
  t.ok(stopped < PAGES)
})

for (const coding of Object.keys(decompressors)) {
  t.test(`${coding}: computation pauses while the client does not read, and stops when it disconnects`, async t => {
    const { counted, computed } = countPages(large)
    const { app, log } = await appOver(t, [counted])
    const page = await app.inject(`${train}/batches?batch_size=${PAGE}&normalization=unit&seed=1`)
    const pageBytes = page.rawPayload.length
    const [before, computedBefore] = [await heldBuffers(), computed()]
    const response = await openStream(t, app, coding)
    const paused = await waitUntilCompressorIdle(computed)
    const held = (await heldBuffers() - before) / pageBytes
    const pages = paused - computedBefore
    t.equal(response.headers['content-encoding'], coding)
    t.comment(`${pages} of ${PAGES} pages computed and ${held.toFixed(1)} pages held while nothing is read`)
    t.ok(paused < PAGES / 2, 'computation pauses')
    t.ok(held < 5, 'a few pages are held')
    t.equal(await waitUntilCompressorIdle(computed), paused, 'computation stays paused')

    response.destroy()
    while (!log.some(({ msg }) => msg === 'request aborted')) await nextTurn()
    t.equal(await waitUntilCompressorIdle(computed), paused, 'no page is computed after the client has disconnected')
    t.same(log.filter(({ msg }) => msg === 'unexpected error'), [])
  })

  t.test(`${coding}: a failed stream is cut off, not completed`, async t => {
    const { counted, computed } = countPages(large, page => { if (page === 4) throw new Error('no such pixels') })
    const { app, log } = await appOver(t, [counted])
    const response = await openStream(t, app, coding)
    const chunks: Buffer[] = []
    response.on('data', chunk => chunks.push(chunk))
    await t.rejects(once(response, 'end'), { code: 'ECONNRESET' })
    t.notOk(response.complete)
    t.equal(computed(), 4)
    t.throws(() => decompressors[coding]!.whole(Buffer.concat(chunks)), 'the compressed data is incomplete, too')
    t.match(log.slice(-2), [
      { msg: 'unexpected error', err: { message: 'no such pixels' } },
      { msg: 'request aborted', reason: 'no such pixels' }
    ])
  })
}

t.test('other requests are answered between two pages', async t => {
  const { counted, computed } = countPages(large)
  const { app } = await appOver(t, [counted])
  const response = await openStream(t, app)
  response.resume()
  const url = `${app.listeningOrigin}/healthz`
  let answered = 0
  while (!response.complete) {
    t.equal((await fetch(url)).status, 200)
    if (computed() < PAGES) answered++
  }
  t.ok(answered > 1, `${answered} requests were answered during the stream`)
})

t.test('a failed stream is cut off, not completed', async t => {
  const onPage = (page: number): void => { if (page === PAGES / 2) throw new Error('no such pixels') }
  const { counted, computed } = countPages(large, onPage)
  const { app, log } = await appOver(t, [counted])
  const response = await openStream(t, app)
  await t.rejects(response.resume().toArray(), { code: 'ECONNRESET' })
  t.notOk(response.complete)
  t.equal(computed(), PAGES / 2)
  t.match(log.slice(-2), [
    { msg: 'unexpected error', err: { message: 'no such pixels' } },
    { msg: 'request aborted', reason: 'no such pixels' }
  ])
})
