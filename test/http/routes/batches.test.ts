import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import t from 'tap'
import type { ParameterError } from '../../../src/http/query/errors.ts'
import { mix } from '../../../src/dataset/order.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 101, val: 20, test: 1 })
const version = dataset.version
const train = '/v1/datasets/made-up/splits/train/batches'

t.test('pages of any batch size concatenate to the split, each sample once', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 200 })
  const sizes = [1, 2, 3, 50, 51, 100, 101, 102, 200, ...Array.from({ length: 12 }, (_, i) => 1 + mix(i) % 120)]
  for (const split of ['train', 'val', 'test'] as const) {
    const { count, images, labels } = dataset.splits[split]
    for (const size of sizes) {
      const found: { ids: number[], images: number[], labels: number[] } = { ids: [], images: [], labels: [] }
      const pages = Math.ceil(count / size)
      for (let page = 0; page < pages; page++) {
        const body = (await app.inject(`/v1/datasets/made-up/splits/${split}/batches?batch_size=${size}&page=${page}&normalization=raw&labels=index`)).json()
        if (body.count !== body.ids.length || body.pages !== pages || body.total !== count) t.fail(`page ${page} of ${size} miscounts`)
        found.ids.push(...body.ids)
        found.images.push(...body.images.flat())
        found.labels.push(...body.labels)
      }
      t.ok(found.ids.length === count && found.ids.every((id, i) => id === i), `${split} by ${size}: ids`)
      t.ok(Buffer.from(found.images).equals(images) && Buffer.from(found.labels).equals(labels), `${split} by ${size}: images and labels`)
    }
  }
})

t.test('a batch says what it is, in the body and in headers', async t => {
  const { app } = await appOver(t, [dataset])
  const answer = await app.inject(`${train}?page=2&batch_size=40&layout=nhwc`)
  const { ids, images, labels, ...rest } = answer.json()
  t.same(rest, {
    dataset: 'made-up', version, split: 'train', page: 2, batch_size: 40, count: 21, total: 101, pages: 3, shape: [21, 4, 3, 1], dtype: 'float32', normalization: 'centered', layout: 'nhwc'
  })
  t.same([ids.length, images.length, labels.length], [21, 21, 21], 'the last page is short')
  t.match(answer.headers, {
    'batch-dataset': 'made-up',
    'batch-version': version,
    'batch-split': 'train',
    'batch-page': '2',
    'batch-size': '40',
    'batch-count': '21',
    'batch-total': '101',
    'batch-pages': '3',
    'batch-shape': '21,4,3,1',
    'batch-dtype': 'float32',
    'batch-normalization': 'centered',
    'batch-layout': 'nhwc'
  })
})

t.test('defaults: page 0, 128 samples or the limit, centered, one-hot, flat, JSON', async t => {
  const { app } = await appOver(t, [dataset])
  t.match((await app.inject(train)).json(), { page: 0, batch_size: 64, normalization: 'centered', layout: 'flat', shape: [64, 12] })
  const { app: roomy } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  t.match((await roomy.inject(train)).json(), { batch_size: 128, count: 101 })
})

t.test('Link leads to the neighbours and keeps every parameter', async t => {
  const { app } = await appOver(t, [dataset])
  const link = async (query: string) => (await app.inject(`${train}${query}`)).headers['link']
  const to = (page: number) => `<${train}?batch_size=50&labels=index&page=${page}&version=${version}>`
  const query = (page: number) => `?batch_size=50&labels=index&page=${page}&version=${version}`
  t.equal(await link(query(0)), `${to(0)}; rel="first", ${to(1)}; rel="next", ${to(2)}; rel="last"`)
  t.equal(await link(query(1)), `${to(0)}; rel="first", ${to(0)}; rel="prev", ${to(2)}; rel="next", ${to(2)}; rel="last"`)
  t.equal(await link(query(2)), `${to(0)}; rel="first", ${to(1)}; rel="prev", ${to(2)}; rel="last"`)
  t.equal(await link(''), `<${train}?page=0>; rel="first", <${train}?page=1>; rel="next", <${train}?page=1>; rel="last"`)
  t.equal(await link('?batch_size=64&page=1').then(String), `<${train}?batch_size=64&page=0>; rel="first", <${train}?batch_size=64&page=0>; rel="prev", <${train}?batch_size=64&page=1>; rel="last"`)
})

t.test('the format is negotiated', async t => {
  const { app } = await appOver(t, [dataset])
  const typeOf = async (accept: string | undefined, query = '') => {
    const answer = await app.inject({ url: `${train}${query}`, headers: accept === undefined ? {} : { accept } })
    return answer.headers['content-type']
  }
  t.equal(await typeOf(undefined), 'application/json')
  t.equal(await typeOf('*/*'), 'application/json')
  t.equal(await typeOf('text/html,application/xhtml+xml,*/*;q=0.8'), 'application/json', 'a browser sees JSON')
  t.equal(await typeOf('application/x-npz'), 'application/x-npz')
  t.equal(await typeOf('application/json;q=0.5, application/vnd.safetensors'), 'application/vnd.safetensors')
  t.equal(await typeOf('application/json', '?format=npz'), 'application/x-npz', 'format= outranks Accept')
  for (const accept of ['text/csv', 'garbage', 'application/json;q=0']) {
    const answer = await app.inject({ url: train, headers: { accept } })
    t.equal(answer.statusCode, 406)
    t.match(answer.json(), { code: 'not_acceptable', available: [{ format: 'json' }, { format: 'npz' }, { format: 'safetensors' }, { format: 'arrow' }] }, accept)
  }
})

t.test('bad parameters are named, with what is allowed', async t => {
  const { app } = await appOver(t, [dataset])
  const integer = 'an integer of at least 0'
  const size = 'an integer from 1 to 64'
  const allParameters = 'page, batch_size, seed, epoch, rank, world_size, remainder, normalization, dtype, labels, layout, augment, pad, format, version'
  const cases: Array<[query: string, parameter: string, detail: string, allowed: string]> = [
    ['page=-1', 'page', `page must be ${integer}, got '-1'`, integer],
    ['page=1e3', 'page', `page must be ${integer}, got '1e3'`, integer],
    ['page=0x1', 'page', `page must be ${integer}, got '0x1'`, integer],
    ['page=1.0', 'page', `page must be ${integer}, got '1.0'`, integer],
    ['page=01', 'page', `page must be ${integer}, got '01'`, integer],
    ['page=%201', 'page', `page must be ${integer}, got ' 1'`, integer],
    ['page=', 'page', `page must be ${integer}, got ''`, integer],
    ['page=99999999999999999999', 'page', `page must be ${integer}, got '99999999999999999999'`, integer],
    ['page=1&page=1', 'page', 'page is given 2 times', integer],
    ['batch_size=0', 'batch_size', `batch_size must be ${size}, got '0'`, size],
    ['batch_size=65', 'batch_size', `batch_size must be ${size}, got '65'`, size],
    ['normalization=zscore', 'normalization', "normalization must be one of centered, unit, standard, raw, got 'zscore'", 'one of centered, unit, standard, raw'],
    ['labels=sparse', 'labels', "labels must be one of onehot, index, got 'sparse'", 'one of onehot, index'],
    ['dtype=float64', 'dtype', "dtype must be one of float32, float16, uint8, got 'float64'", 'one of float32, float16, uint8'],
    ['normalization=raw&dtype=float16', 'dtype', "dtype must be uint8 where normalization is raw, got 'float16'", 'uint8 where normalization is raw'],
    ['normalization=raw&dtype=float32', 'dtype', "dtype must be uint8 where normalization is raw, got 'float32'", 'uint8 where normalization is raw'],
    ['dtype=uint8', 'dtype', "dtype must be float32 or float16 where normalization is centered, got 'uint8'", 'float32 or float16 where normalization is centered'],
    ['layout=NHWC', 'layout', "layout must be one of flat, nhwc, nchw, got 'NHWC'", 'one of flat, nhwc, nchw'],
    ['format=csv', 'format', "format must be one of json, npz, safetensors, arrow, got 'csv'", 'one of json, npz, safetensors, arrow'],
    ['augmentation=noise', 'augmentation', 'augmentation is not a parameter of this resource', allParameters],
    ['batchSize=1', 'batchSize', 'batchSize is not a parameter of this resource', allParameters],
    ['__proto__=1', '__proto__', '__proto__ is not a parameter of this resource', allParameters]
  ]
  for (const [query, parameter, detail, allowed] of cases) {
    const answer = await app.inject(`${train}?${query}`)
    t.equal(answer.statusCode, 400, query)
    t.equal(answer.headers['content-type'], 'application/problem+json')
    t.same(answer.json(), {
      type: 'urn:mnist-batch-server:problem:invalid_parameter',
      title: 'Invalid parameter',
      status: 400,
      detail,
      code: 'invalid_parameter',
      errors: [{ parameter, detail, allowed }]
    }, query)
  }
  t.same((await app.inject(`${train}?page=x&layout=y&z=1`)).json<{ errors: ParameterError[] }>().errors.map(({ parameter }) => parameter).sort(), ['layout', 'page', 'z'], 'all at once')
})

t.test('what is not there is a 404 that says what is', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[url: string, code: string, detail: string]> = [
    [`${train}?batch_size=50&page=3`, 'page_out_of_range', 'train has 101 samples, which at batch_size 50 make 3 pages, 0 to 2; there is no page 3'],
    [`${train}?page=4000000`, 'page_out_of_range', 'train has 101 samples, which at batch_size 64 make 2 pages, 0 to 1; there is no page 4000000'],
    ['/v1/datasets/cifar/splits/train/batches', 'unknown_dataset', "there is no dataset 'cifar'; there are: made-up"],
    ['/v1/datasets/made-up/splits/dev/batches', 'unknown_split', "there is no split 'dev'; there are: train, val, test"],
    ['/v1/datasets/made-up/splits/..%2f../batches', 'unknown_split', "there is no split '../..'; there are: train, val, test"],
    ['/v1/datasets/made-up/splits/constructor/batches', 'unknown_split', "there is no split 'constructor'; there are: train, val, test"],
    [`${train}?version=0`, 'unknown_version', `made-up has no version '0'; the current one is ${version}`],
    ['/v1/datasets/made-up/splits/train/batches/', 'unknown_route', 'there is no GET /v1/datasets/made-up/splits/train/batches/']
  ]
  for (const [url, code, detail] of cases) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 404, url)
    t.match(answer.json(), { type: `urn:mnist-batch-server:problem:${code}`, status: 404, code, detail }, url)
    t.equal(answer.headers['cache-control'], 'no-store')
  }
  t.match((await app.inject({ method: 'POST', url: train })).json(), { code: 'unknown_route', detail: `there is no POST ${train}` })
})

t.test('dots in a path are names like any other', async t => {
  const { app } = await appOver(t, [dataset])
  const { port } = new URL(await app.listen({ port: 0 }))
  const get = async (path: string) => {
    const [answer] = await once(request({ port, path, agent: false }).end(), 'response') as [IncomingMessage]
    return JSON.parse(Buffer.concat(await answer.toArray()).toString())
  }
  t.match(await get('/v1/datasets/%2e%2e/splits/train/batches'), { status: 404, code: 'unknown_dataset', detail: "there is no dataset '..'; there are: made-up" })
  t.match(await get('/v1/datasets/made-up/splits/%2e%2e/batches'), { status: 404, code: 'unknown_split', detail: "there is no split '..'; there are: train, val, test" })
  t.match(await get('/v1/datasets/../../etc/passwd'), { status: 404, code: 'unknown_route' })
  t.match(await get('/v1/datasets/%zz'), { status: 400, code: 'bad_request' })
})

t.test('an empty split has no pages', async t => {
  const { app } = await appOver(t, [prepared({ train: 3, val: 0, test: 1 })])
  const answer = await app.inject('/v1/datasets/made-up/splits/val/batches')
  t.match(answer.json(), { status: 404, pages: 0, detail: 'val has 0 samples, which at batch_size 64 make no page at all; there is no page 0' })
})

t.test('caching', async t => {
  const { app } = await appOver(t, [dataset])
  const plain = await app.inject(train)
  t.equal(plain.headers['cache-control'], 'no-cache')
  t.equal(plain.headers['vary'], 'Accept, Accept-Encoding')
  const etag = plain.headers['etag'] as string
  t.match(etag, /^"[\x21\x23-\x7e]+"$/, 'a strong one')
  const pinned = await app.inject(`${train}?version=${version}`)
  t.equal(pinned.headers['cache-control'], 'public, max-age=31536000, immutable')
  t.equal(pinned.headers['etag'], etag, 'the same bytes have the same tag')

  const different = ['page=1', 'batch_size=63', 'normalization=unit', 'dtype=float16', 'labels=index', 'layout=nhwc', 'format=npz', 'format=safetensors', 'format=arrow']
  const tags = await Promise.all(different.map(async query => (await app.inject(`${train}?${query}`)).headers['etag']))
  t.equal(new Set([etag, ...tags]).size, 1 + different.length, 'every representation has its own')

  for (const condition of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
    const answer = await app.inject({ url: train, headers: { 'if-none-match': condition } })
    t.equal(answer.statusCode, 304, condition)
    t.equal(answer.rawPayload.length, 0)
    t.equal(answer.headers['etag'], etag)
    t.equal(answer.headers['content-length'], undefined)
  }
  t.equal((await app.inject({ url: train, headers: { 'if-none-match': tags[0] as string } })).statusCode, 200)
})

t.test('HEAD tells what GET would send', async t => {
  const { app } = await appOver(t, [dataset])
  for (const format of ['json', 'npz', 'safetensors', 'arrow']) {
    const [get, head] = await Promise.all((['GET', 'HEAD'] as const).map(method => app.inject({ method, url: `${train}?format=${format}` })))
    t.equal(head!.statusCode, 200)
    t.equal(head!.rawPayload.length, 0)
    t.equal(Number(head!.headers['content-length']), get!.rawPayload.length, format)
    t.equal(head!.headers['etag'], get!.headers['etag'])
  }
})
