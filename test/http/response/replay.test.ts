import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 600, val: 5, test: 20 }, { rows: 28, columns: 28 })
const base = '/v1/datasets/made-up'

interface Answer { readonly status: number, readonly headers: IncomingHttpHeaders, readonly body: Buffer }

async function listen (t: Test, datasets = [dataset]) {
  const { app, store, log } = await appOver(t, datasets, { maxBatchSize: 500 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const open = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<IncomingMessage> => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, method, agent })
    request.end()
    return (await once(request, 'response') as [IncomingMessage])[0]
  }
  const get = async (...asked: Parameters<typeof open>): Promise<Answer> => {
    const response = await open(...asked)
    return { status: response.statusCode!, headers: response.headers, body: await buffer(response) }
  }
  return { app, store, log, open, get }
}

/** What is about one answer only. */
function lasting ({ headers: { date, 'x-request-id': id, ...headers }, ...answer }: Answer) {
  t.ok(date && id, 'every answer has its date and its id')
  return { ...answer, headers }
}

const paths = [
  '/splits/train/batches',
  '/splits/train/batches?format=safetensors&batch_size=64&page=1',
  '/splits/train/batches?format=safetensors&batch_size=100&seed=7&labels=index&page=1',
  // More than is made before anything is sent, as views and gathered.
  '/splits/train/batches?format=safetensors&batch_size=500',
  '/splits/train/batches?format=safetensors&batch_size=500&seed=7',
  '/splits/train/batches?format=npz&normalization=raw&seed=7&epoch=2&batch_size=128',
  '/splits/train/batches?format=arrow&rank=1&world_size=3&remainder=pad&batch_size=30&seed=1',
  '/splits/train/batches?format=safetensors&augment=rotate:15&seed=3&batch_size=10',
  '/splits/test/batches?format=npz&dtype=float16&pad=32',
  `/splits/val/batches?version=${dataset.version}`,
  '/splits/train/samples/3?format=png',
  '/splits/train',
  '/mean?format=npy',
  ''
]
for (const path of paths) {
  t.test(`${path || 'the dataset'}: who asks again gets the same, header by header`, async t => {
    const { get } = await listen(t)
    for (const headers of [{}, { accept: 'application/json, */*;q=0.1' }, { 'accept-encoding': 'gzip' }, { 'accept-encoding': 'identity' }]) {
      const first = await get(base + path, headers)
      t.equal(first.status, 200)
      for (let i = 0; i < 3; i++) t.same(lasting(await get(base + path, headers)), lasting(first))

      const { etag } = first.headers
      const known = await get(base + path, { ...headers, 'if-none-match': etag! })
      t.same([known.status, known.body.length], [304, 0])
      t.same(lasting(await get(base + path, { ...headers, 'if-none-match': etag! })), lasting(known))
      for (const other of ['"other"', `"other", ${etag}`, `W/${etag}`, '*']) {
        const status = other === '"other"' ? 200 : 304
        for (let i = 0; i < 2; i++) t.equal((await get(base + path, { ...headers, 'if-none-match': other })).status, status, other)
      }
      const asked = await get(base + path, { ...headers, 'if-none-match': etag!, 'cache-control': 'no-cache' })
      t.equal(asked.status, 200, 'who wants it anew gets it anew')
    }
  })
}

t.test('who had it already when it was first asked for does not keep it from others', async t => {
  const { get } = await listen(t)
  const path = `${base}/splits/test/batches`
  const { headers: { etag }, body } = await (await listen(t)).get(path)
  for (let i = 0; i < 3; i++) t.equal((await get(path, { 'if-none-match': etag! })).status, 304)
  for (let i = 0; i < 3; i++) t.same((await get(path)).body, body)
})

t.test('clients of more kinds than are told apart get what each of them accepts', async t => {
  const { get } = await listen(t)
  const path = `${base}/splits/train/batches?page=1&normalization=raw`
  const codings = ['gzip', 'br', 'identity', 'gzip;q=0.5', 'br;q=0.5', '*;q=0', 'deflate']
  const kinds = ['application/json', 'application/vnd.safetensors'].flatMap(accept => codings.map(coding => ({ accept, 'accept-encoding': coding })))
  const first = []
  for (const kind of kinds) first.push(lasting(await get(path, kind)))
  t.equal(new Set(first.map(({ headers }) => `${headers['content-type']} ${headers['content-encoding']}`)).size, 6)
  for (let round = 0; round < 3; round++) {
    for (const [i, kind] of kinds.entries()) {
      t.same(lasting(await get(path, kind)), first[i], `${kind.accept}, ${kind['accept-encoding']}`)
      t.equal((await get(path, { ...kind, 'if-none-match': first[i]!.headers.etag! })).status, 304)
    }
  }
})

t.test('what is special goes the long way', async t => {
  const { get } = await listen(t)
  const path = `${base}/splits/test/batches`
  await get(path)
  await get(path)
  t.equal((await get(path, { 'x-request-id': 'mine' })).headers['x-request-id'], 'mine')
  t.equal((await get(path, { origin: 'https://a.example' })).headers['access-control-allow-origin'], '*')
  const head = await get(path, {}, 'HEAD')
  t.same([head.status, head.body.length], [200, 0])
  for (let i = 0; i < 2; i++) {
    t.equal((await get(`${path}?page=99`)).status, 404)
    t.equal((await get(`${path}?pag=1`)).status, 400)
    t.equal((await get(path, { accept: 'image/png' })).status, 406)
  }
})

t.test('every request leaves its line', async t => {
  const { get, log } = await listen(t)
  const path = `${base}/splits/test/batches?format=npz`
  for (let i = 0; i < 3; i++) await get(path, { 'x-request-id': `r${i}` })
  const { etag } = (await get(path)).headers
  await get(path, { 'x-request-id': 'known', 'if-none-match': etag! })
  const lines = log.filter(({ msg }) => msg === 'request')
  t.equal(lines.length, 5)
  const [first] = lines
  for (const line of lines.slice(1, 4)) t.same(Object.keys(line), Object.keys(first))
  t.match(lines[2], { level: 30, reqId: 'r2', method: 'GET', url: path, status: 200, bytes: first.bytes })
  t.match(lines[4], { reqId: 'known', status: 304 })
})

t.test('nothing is remembered of a dataset that has become another one', async t => {
  const { get, store } = await listen(t)
  const path = `${base}/splits/test/batches`
  const before = await get(path)
  await get(path)
  store.ready({ ...dataset, version: 'fedcba9876543210' })
  const after = await get(path)
  t.not(after.headers.etag, before.headers.etag)
  t.equal(after.headers['batch-version'], 'fedcba9876543210')
})

t.test('readers that are slow keep what they were sent, however many pages others take meanwhile', async t => {
  const { open, get } = await listen(t, [prepared({ train: 2000, val: 5, test: 20 }, { rows: 28, columns: 28 })])
  const path = (seed: number): string => `${base}/splits/train/batches?format=safetensors&batch_size=256&seed=${seed}&page=1`
  const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex')
  const expected = new Map<number, string>()
  for (let seed = 0; seed < 8; seed++) expected.set(seed, digest((await get(path(seed))).body))
  const slow = await Promise.all(Array.from({ length: 8 }, async (_, seed) => ({ seed, response: await open(path(seed)) })))
  // Gone in the middle: what was gathered for it may still be on its way.
  for (let seed = 0; seed < 8; seed++) (await open(path(seed))).destroy()
  for (let round = 0; round < 5; round++) {
    await Promise.all([...expected].map(async ([seed, hash]) => t.equal(digest((await get(path(seed))).body), hash)))
  }
  for (const { seed, response } of slow) t.equal(digest(await buffer(response)), expected.get(seed))
})
