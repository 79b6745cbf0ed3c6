import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { decode as decodePng } from 'fast-png'
import t from 'tap'
import type { Static } from 'typebox'
import { shortestNumbers } from '../../src/encode/json/numbers.ts'
import type { DatasetList as DatasetListSchema } from '../../src/http/openapi/schemas/states.ts'
import { appOver } from '../fixtures/app.ts'
import { prepared } from '../fixtures/prepared.ts'
import { readNpy } from '../fixtures/read.ts'

type DatasetList = Static<typeof DatasetListSchema>

const dataset = prepared({ train: 30, val: 10, test: 5 })
const other = prepared({ train: 3, val: 1, test: 1 }, { name: 'other' })

t.test('datasets: ready, loading and failed ones side by side', async t => {
  const { app, registry } = await appOver(t, [dataset, other, prepared({ train: 1, val: 1, test: 1 }, { name: 'third' })])
  registry.progress(other.entry, { stage: 'acquire', item: 'train-images-idx3-ubyte', done: 10, total: 40 })
  registry.fail({ ...dataset.entry, name: 'third' }, 'no source has it')
  const { datasets, limits, formats } = (await app.inject('/v1/datasets')).json<DatasetList>()
  t.same(datasets.map(({ name, status }) => [name, status]), [['made-up', 'ready'], ['other', 'loading'], ['third', 'failed']])
  t.equal(datasets[0]!.version, dataset.version)
  t.same(datasets[1]!.progress, { stage: 'acquire', item: 'train-images-idx3-ubyte', done: 10, total: 40 })
  t.equal(datasets[2]!.reason, 'no source has it')
  t.same(limits, { default_batch_size: 64, max_batch_size: 64 })
  t.same(formats.map(({ name }) => name), ['json', 'npz', 'safetensors', 'arrow'])

  for (const resource of ['', '/mean', '/splits/train', '/splits/train/batches', '/splits/train/samples/0']) {
    t.equal((await app.inject(`/v1/datasets/made-up${resource}`)).statusCode, 200, `made-up${resource} is served`)
    const loading = await app.inject(`/v1/datasets/other${resource}`)
    t.equal(loading.statusCode, 503)
    t.equal(loading.headers['retry-after'], '1')
    t.match(loading.json(), { code: 'dataset_loading', detail: 'other is still being prepared', progress: { item: 'train-images-idx3-ubyte', done: 10, total: 40 } })
    const failed = await app.inject(`/v1/datasets/third${resource}`)
    t.equal(failed.statusCode, 503)
    t.equal(failed.headers['retry-after'], undefined, 'asking again would not help')
    t.match(failed.json(), { code: 'dataset_failed', detail: 'third could not be prepared: no source has it' })
  }

  const loading = await app.inject('/readyz')
  t.equal(loading.statusCode, 503)
  t.equal(loading.headers['retry-after'], '1')
  t.match(loading.json(), { status: 'loading', datasets: [{ name: 'made-up', status: 'ready' }, { status: 'loading', progress: { done: 10 } }, { status: 'failed', reason: 'no source has it' }] })
  registry.ready(other)
  t.match([(await app.inject('/readyz')).statusCode, (await app.inject('/readyz')).json()], [200, { status: 'ready' }], 'one that failed does not stop the others')
  registry.fail(other.entry, 'x')
  registry.fail(dataset.entry, 'y')
  t.match([(await app.inject('/readyz')).statusCode, (await app.inject('/readyz')).json()], [503, { status: 'failed' }])
  t.same((await app.inject('/healthz')).json(), { status: 'ok' }, 'alive all the same')
})

t.test('a dataset', async t => {
  const { app } = await appOver(t, [dataset])
  const answer = await app.inject('/v1/datasets/made-up')
  t.match(answer.json(), {
    dataset: 'made-up',
    version: dataset.version,
    shape: [4, 3],
    classes: dataset.entry.classes,
    splits: { train: 30, val: 10, test: 5 },
    preparation: { split: 'contiguous', val_fraction: 0.2, split_seed: 0, denoise: 'none', mean_over: 'train', mean_count: 30, standard: dataset.standard, backend: 'cpu' },
    provenance: { licence: { name: 'CC BY-SA 3.0' }, files: [] }
  })
  const { etag } = answer.headers
  t.equal((await app.inject({ url: '/v1/datasets/made-up', headers: { 'if-none-match': etag as string } })).statusCode, 304)
  const { app: replica } = await appOver(t, [{ ...dataset, backend: 'wasm' }])
  t.not((await replica.inject('/v1/datasets/made-up')).headers['etag'], etag, 'another body has another tag')
  t.equal((await app.inject(`/v1/datasets/made-up?version=${dataset.version}`)).headers['cache-control'], 'no-cache', 'replicas may differ')
})

t.test('a split', async t => {
  const { app } = await appOver(t, [dataset])
  const { classes, ...rest } = (await app.inject('/v1/datasets/made-up/splits/val')).json()
  t.same(rest, { dataset: 'made-up', version: dataset.version, split: 'val', count: 10, shape: [10, 4, 3], pixels: { mean: 0.5, std: 0.25 } })
  const labels = [...dataset.splits.val.labels]
  t.same(classes, dataset.entry.classes.map((name, label) => ({ label, name, count: labels.filter(l => l === label).length })))
})

t.test('the mean', async t => {
  const { app } = await appOver(t, [dataset])
  const url = '/v1/datasets/made-up/mean'
  const body = (await app.inject(url)).json()
  t.match(body, { dataset: 'made-up', mean_over: 'train', count: 30, shape: [4, 3], dtype: 'float32' })
  t.same(body.mean.map((row: number[]) => row.length), [3, 3, 3, 3])
  t.same(Float32Array.from(body.mean.flat()), dataset.meanImage)
  t.same(body.mean.flat(), shortestNumbers(dataset.meanImage))
  const npy = readNpy((await app.inject(`${url}?format=npy`)).rawPayload)
  t.same([npy.dtype, npy.shape], ['<f4', [4, 3]])
  t.ok(npy.bytes.equals(Buffer.from(dataset.meanImage.buffer)))
  const png = await app.inject({ url, headers: { accept: 'image/avif,image/*;q=0.8' } })
  t.equal(png.headers['content-type'], 'image/png')
  t.same(Uint8Array.from(decodePng(png.rawPayload).data), Uint8Array.from(dataset.meanImage, value => Math.round(value * 255)))
  t.match((await app.inject(`${url}?format=npz`)).json(), { errors: [{ parameter: 'format', allowed: 'one of json, npy, png' }] })
})

t.test('a sample', async t => {
  const { app } = await appOver(t, [dataset])
  const { images, labels, centered } = dataset.splits.test
  const url = '/v1/datasets/made-up/splits/test/samples/4'
  const body = (await app.inject(url)).json()
  t.match(body, { split: 'test', id: 4, label: labels[4], class: String(labels[4]), shape: [12], dtype: 'float32', normalization: 'centered', layout: 'flat' })
  t.same(Float32Array.from(body.image), centered.subarray(48, 60))
  const raw = (await app.inject(`${url}?normalization=raw&layout=nchw`)).json()
  t.same([raw.shape, raw.dtype], [[1, 4, 3], 'uint8'])
  t.same(raw.image[0][1], [...images.subarray(51, 54)])
  const png = await app.inject({ url, headers: { accept: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8' } })
  t.equal(png.headers['content-type'], 'image/png', 'what an <img> asks for')
  t.same(Uint8Array.from(decodePng(png.rawPayload).data), images.subarray(48, 60))
  const tags = await Promise.all(['', '?format=png', '?layout=nhwc', '?normalization=unit', '?dtype=float16'].map(async query => (await app.inject(url + query)).headers['etag']))
  t.equal(new Set(tags).size, 5, 'each representation has its tag')

  t.match((await app.inject(`${url}?format=png&normalization=raw&dtype=uint8&layout=flat`)).json(), { status: 400, code: 'invalid_parameter', errors: [{ parameter: 'normalization' }, { parameter: 'dtype' }, { parameter: 'layout' }] })
  t.match((await app.inject('/v1/datasets/made-up/splits/test/samples/5')).json(), { status: 404, code: 'unknown_sample', detail: 'test has 5 samples, 0 to 4; there is no 5' })
  for (const id of ['-1', '1e0', 'x', '4.png']) {
    t.match((await app.inject(`/v1/datasets/made-up/splits/test/samples/${id}`)).json(), { status: 400, errors: [{ parameter: 'id', allowed: 'an integer of at least 0' }] }, id)
  }
})

t.test('resources without parameters take none', async t => {
  const { app } = await appOver(t, [dataset])
  for (const url of ['/healthz', '/readyz', '/v1/datasets']) {
    t.match((await app.inject(`${url}?x=1`)).json(), { status: 400, errors: [{ parameter: 'x', allowed: 'no parameters' }] })
  }
})

t.test('an error of ours tells nothing of the inside, and the log tells all', async t => {
  const { app, registry, log } = await appOver(t, [dataset])
  registry.state = () => { throw new TypeError('secret of /srv/app') }
  const answer = await app.inject({ url: '/v1/datasets/made-up', headers: { 'x-request-id': 'abc' } })
  t.equal(answer.statusCode, 500)
  t.match(answer.json(), { code: 'internal', request_id: 'abc' })
  t.notMatch(answer.body, /secret|TypeError|\.ts/)
  t.match(log, [{ msg: 'unexpected error', reqId: 'abc', err: { message: 'secret of /srv/app' } }, { msg: 'request', status: 500 }])
})

t.test('one line a request, with its id', async t => {
  const { app, log } = await appOver(t, [dataset])
  const answer = await app.inject('/v1/datasets/made-up/splits/train/batches?format=npz')
  await app.inject('/nowhere')
  t.match(log, [
    { level: 30, msg: 'request', reqId: answer.headers['x-request-id'], method: 'GET', url: '/v1/datasets/made-up/splits/train/batches?format=npz', status: 200, bytes: answer.rawPayload.length, ms: Number },
    { level: 30, msg: 'request', method: 'GET', url: '/nowhere', status: 404 }
  ])
  t.equal(log.length, 2)
})

t.test('a reader that goes away leaves its line, too', async t => {
  const { app, log } = await appOver(t, [prepared({ train: 4000, val: 1, test: 1 }, { rows: 28, columns: 28 })], { maxBatchSize: 4000 })
  const { port } = new URL(await app.listen({ port: 0 }))
  for (const format of ['safetensors', 'json']) {
    const [answer] = await once(get({ port, path: `/v1/datasets/made-up/splits/train/batches?batch_size=4000&format=${format}` }), 'response') as [IncomingMessage]
    answer.socket.destroy()
    while (!log.some(({ msg, url }) => msg === 'request aborted' && url?.endsWith(format))) await turn()
  }
  const lines = log.filter(({ url }) => url)
  t.match(lines, [{ level: 40, reason: 'the client disconnected', url: /safetensors$/ }, { level: 40, reason: 'the client disconnected', url: /json$/ }])
  t.equal(lines.length, 2)
})

t.test('browsers of other origins', async t => {
  const url = '/v1/datasets/made-up/splits/train/batches'
  const from = (origin: string) => ({ url, headers: { origin } })
  const { app: open } = await appOver(t, [dataset])
  const answer = await open.inject(from('https://a.example'))
  t.equal(answer.headers['access-control-allow-origin'], '*')
  t.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin')
  const exposed = String(answer.headers['access-control-expose-headers']).split(', ')
  for (const name of ['link', 'etag', ...Object.keys(answer.headers).filter(name => name.startsWith('batch-'))]) t.ok(exposed.includes(name), `${name} is exposed`)
  t.equal(answer.headers['vary'], 'Accept, Accept-Encoding')

  const { app: some } = await appOver(t, [dataset], { corsOrigins: ['https://a.example', 'https://b.example'] })
  const allowed = await some.inject(from('https://b.example'))
  t.equal(allowed.headers['access-control-allow-origin'], 'https://b.example')
  t.equal(allowed.headers['vary'], 'Origin, Accept, Accept-Encoding')
  t.equal((await some.inject(from('https://c.example'))).headers['access-control-allow-origin'], undefined)

  const { app: none } = await appOver(t, [dataset], { corsOrigins: [] })
  const closed = await none.inject(from('https://a.example'))
  t.equal(closed.headers['access-control-allow-origin'], undefined)
  t.equal(closed.headers['cross-origin-resource-policy'], 'same-origin')

  const preflight = await open.inject({ method: 'OPTIONS', url, headers: { origin: 'https://a.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'if-none-match' } })
  t.equal(preflight.statusCode, 204)
  t.match(preflight.headers, { 'access-control-allow-methods': 'GET, HEAD, POST', 'access-control-allow-headers': 'if-none-match' })
})

t.test('helmet and docs', async t => {
  const { app } = await appOver(t, [dataset])
  const answer = await app.inject('/healthz')
  t.equal(answer.headers['x-content-type-options'], 'nosniff')
  t.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin')
  const docs = await app.inject('/docs/')
  t.equal(docs.statusCode, 200)
  t.equal(docs.headers['x-content-type-options'], 'nosniff')
  t.match(docs.headers['content-security-policy'], /default-src 'self'/)
  t.notMatch(docs.headers['content-security-policy'], /upgrade-insecure-requests/, 'the docs work over plain HTTP')
  t.match(docs.headers['content-type'], 'text/html')
  t.match(docs.body, 'swagger-ui')
})
