import { crc32, gunzipSync } from 'node:zlib'
import t from 'tap'
import { batchFormats } from '../../../src/encode/encoders.ts'
import { mix } from '../../../src/dataset/order.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { readNpy, readSafetensors, readZip, type ReadTensor } from '../../fixtures/read.ts'

const dataset = prepared({ train: 101, val: 20, test: 3 }, { rows: 9, columns: 8 })
const split = '/v1/datasets/made-up/splits/train'
const size = 72

type App = Awaited<ReturnType<typeof appOver>>['app']

function post (app: App, payload: object | string, query = '', headers: Record<string, string> = {}) {
  return app.inject({ method: 'POST', url: `${split}/gather${query}`, payload, headers })
}

function gatherPixels (images: Uint8Array, ids: readonly number[]): Buffer {
  return Buffer.concat(ids.map(id => images.subarray(id * size, (id + 1) * size)))
}

/** The tensors of a batch, in their order. */
function readTensors (format: string, body: Buffer): Array<[name: string, tensor: ReadTensor]> {
  if (format === 'safetensors') return [...readSafetensors(body).tensors]
  return [...readZip(body, crc32)].map(([name, file]) => [name, readNpy(file)])
}

t.test('gathers the listed samples, in the listed order, with repetitions', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 300 })
  const { images, labels } = dataset.splits.train
  const random = Array.from({ length: 300 }, (_, i) => mix(i) % 101)
  for (const ids of [[7], [100, 0], [5, 5, 5], [3, 1, 2, 1], random]) {
    const { headers, ...response } = await post(app, { ids }, '?normalization=raw&labels=index&layout=nchw')
    const { images: found, ...rest } = response.json()
    t.same(rest, {
      dataset: 'made-up',
      version: dataset.version,
      split: 'train',
      count: ids.length,
      total: 101,
      shape: [ids.length, 1, 9, 8],
      dtype: 'uint8',
      normalization: 'raw',
      layout: 'nchw',
      ids,
      labels: ids.map(id => labels[id])
    })
    t.ok(Buffer.from(found.flat(Infinity)).equals(gatherPixels(images, ids)), `${ids.length} images`)
    t.match(headers, { 'cache-control': 'no-store', 'batch-count': String(ids.length), 'batch-dtype': 'uint8' })
    t.same([headers['etag'], headers['link'], headers['batch-page']], [undefined, undefined, undefined], 'not a page')
  }
})

t.test('consecutive ids give the tensors of a page, in every format, normalization and dtype', async t => {
  const { app } = await appOver(t, [dataset])
  const ids = Array.from({ length: 25 }, (_, i) => 50 + i)
  for (const { name } of batchFormats.filter(({ name }) => ['npz', 'safetensors'].includes(name))) {
    for (const preparation of [
      'normalization=raw',
      'dtype=float16',
      'normalization=unit&labels=index',
      'normalization=standard&layout=nhwc'
    ]) {
      const query = `?${preparation}&format=${name}`
      const gathered = await post(app, { ids }, query)
      const page = await app.inject(`${split}/batches${query}&batch_size=25&page=2`)
      t.equal(gathered.headers['content-type'], page.headers['content-type'])
      t.same(readTensors(name, gathered.rawPayload), readTensors(name, page.rawPayload), query)
    }
  }
})

t.test('samples are augmented and padded as in batches of the same seed and epoch', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 101 })
  const ids = [100, 7, 7, 42, 0]
  const everything = 'augment=rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8'
  for (const parameters of [
    everything,
    'pad=32',
    `${everything}&pad=32`,
    `${everything}&seed=5&epoch=2`,
    `${everything}&seed=5&pad=32&layout=nhwc`
  ]) {
    for (const normalization of ['raw', 'centered', 'standard']) {
      const query = `?${parameters}&normalization=${normalization}&format=safetensors`
      const gathered = readSafetensors((await post(app, { ids }, query)).rawPayload)
      const epoch = readSafetensors((await app.inject(`${split}/batches${query}&batch_size=101`)).rawPayload)
      const images = epoch.tensors.get('images')!
      const order = epoch.tensors.get('ids')!.bytes
      const positions = Array.from({ length: 101 }, (_, i) => order.readInt32LE(4 * i))
      const width = images.bytes.length / 101
      const rows = ids.map(id => {
        const position = positions.indexOf(id)
        return images.bytes.subarray(position * width, (position + 1) * width)
      })
      t.same(gathered.tensors.get('images')!.shape, [5, ...images.shape.slice(1)])
      t.ok(gathered.tensors.get('images')!.bytes.equals(Buffer.concat(rows)), query)
    }
  }
})

t.test('augmentations and padding are repeated in canonical form, and their errors named', async t => {
  const { app } = await appOver(t, [dataset])
  const ids = [100, 7, 7, 42, 0]
  const { headers, ...response } = await post(app, { ids }, '?augment=noise:1.0,rotate:3&seed=5&pad=32')
  t.match(response.json(), { seed: 5, epoch: 0, augment: 'rotate:3,noise:1', pad: 32, shape: [5, 1024] })
  t.match(headers, {
    'batch-seed': '5',
    'batch-epoch': '0',
    'batch-augment': 'rotate:3,noise:1',
    'batch-pad': '32'
  })

  const faults: Array<[query: string, parameter: string]> = [
    ['augment=blur:1', 'augment'],
    ['augment=', 'augment'],
    ['seed=1', 'seed'],
    ['epoch=1', 'epoch'],
    ['pad=30', 'pad']
  ]
  for (const [query, parameter] of faults) {
    t.match((await post(app, { ids }, `?${query}`)).json(), { status: 400, errors: [{ parameter }] }, query)
  }
  const url = '/v1/datasets/made-up/splits/val/gather?augment=noise:1'
  t.match((await app.inject({ method: 'POST', url, payload: { ids: [0] } })).json(), {
    status: 400,
    errors: [{
      parameter: 'augment',
      detail: 'augment is only available for the split train, not for val'
    }]
  })
  const large = await appOver(t, [prepared({ train: 1, val: 0, test: 1 }, { rows: 33, columns: 20 })])
  t.match((await post(large.app, { ids: [0] }, '?pad=32')).json(), {
    status: 400,
    errors: [{ parameter: 'pad', detail: 'images of 33×20 cannot be padded to 32×32' }]
  })
})

t.test('a request can require a version and accept a compressed body', async t => {
  const { app } = await appOver(t, [dataset])
  t.equal((await post(app, { ids: [1] }, `?version=${dataset.version}`)).statusCode, 200)
  t.match((await post(app, { ids: [1] }, '?version=0')).json(), { status: 404, code: 'unknown_version' })
  const ids = Array.from({ length: 40 }, (_, i) => i)
  const response = await post(app, { ids }, '?normalization=raw', { 'accept-encoding': 'gzip' })
  t.equal(response.headers['content-encoding'], 'gzip')
  t.same(JSON.parse(gunzipSync(response.rawPayload).toString()).ids, ids)
})

t.test('the errors of a body are named, with the allowed values', async t => {
  const { app } = await appOver(t, [dataset])
  const list = 'a list of 1 to 64, each an integer of at least 0'
  const integer = 'an integer of at least 0'
  const cases: Array<[body: object | string, parameter: string, got: string, allowed: string]> = [
    [{}, 'ids', 'nothing', list],
    [{ ids: 3 }, 'ids', '3', list],
    [{ ids: [] }, 'ids', 'a list of 0', list],
    [{ ids: new Array(65).fill(0) }, 'ids', 'a list of 65', list],
    [{ ids: null }, 'ids', 'null', list],
    [{ ids: [0, 1.5] }, 'ids[1]', '1.5', integer],
    [{ ids: ['3'] }, 'ids[0]', '"3"', integer],
    [{ ids: [-1] }, 'ids[0]', '-1', integer],
    [{ ids: [[1]] }, 'ids[0]', 'a list of 1', integer],
    [{ ids: ['x'.repeat(100)] }, 'ids[0]', `"${'x'.repeat(59)}…`, integer],
    [[1, 2], 'body', 'a list of 2', 'an object with ids']
  ]
  for (const [body, parameter, got, allowed] of cases) {
    const response = await post(app, body)
    const name = parameter === 'body' ? 'the body' : parameter
    t.equal(response.headers['content-type'], 'application/problem+json')
    t.match(response.json(), {
      status: 400,
      code: 'invalid_parameter',
      errors: [{ parameter, detail: `${name} must be ${allowed}, got ${got}`, allowed }]
    }, `${name}: ${got}`)
  }
  t.match((await post(app, { ids: [1], seed: 3 })).json(), {
    status: 400,
    errors: [{ parameter: 'seed', detail: 'seed is not a member of the body', allowed: 'ids' }]
  })
  const many = await post(app, { ids: new Array(64).fill('x') })
  t.equal(many.json().errors.length, 10, 'at most ten errors are reported')
})

t.test('invalid query parameters are named, with the allowed ones', async t => {
  const { app } = await appOver(t, [dataset])
  t.match((await post(app, { ids: [1] }, '?page=3')).json(), {
    status: 400,
    errors: [{
      parameter: 'page',
      allowed: 'normalization, dtype, labels, layout, augment, seed, epoch, pad, format, version'
    }]
  })
  const response = await post(app, { ids: [1] }, '?dtype=uint8')
  t.match(response.json(), { status: 400, errors: [{ parameter: 'dtype' }] })
})

t.test('unreadable bodies, unknown samples and unavailable formats are rejected', async t => {
  const { app } = await appOver(t, [dataset])
  const postText = (text: string, mediaType: string) => post(app, text, '', { 'content-type': mediaType })
  const incomplete = await postText('{"ids":[1', 'application/json')
  t.match(incomplete.json(), { status: 400, code: 'bad_request', detail: /not valid JSON/ })
  const empty = await postText('', 'application/json')
  t.match(empty.json(), { status: 400, code: 'bad_request', detail: /empty/ })
  const missing = await app.inject({ method: 'POST', url: `${split}/gather` })
  t.match(missing.json(), { status: 400, errors: [{ parameter: 'body' }] })
  for (const mediaType of ['text/plain', 'application/x-www-form-urlencoded']) {
    t.match((await postText('{"ids":[1]}', mediaType)).json(), {
      status: 415,
      code: 'unsupported_media_type',
      detail: `the body must be application/json, got '${mediaType}'`
    })
  }
  const large = await postText(JSON.stringify({ ids: [1], blank: ' '.repeat(4000) }), 'application/json')
  t.match(large.json(), {
    status: 413,
    code: 'content_too_large',
    detail: 'the body may have at most 3072 bytes'
  })
  const indented = JSON.stringify({ ids: new Array(64).fill(100) }, null, 8)
  const full = await postText(indented, 'application/json; charset=utf-8')
  t.equal(full.statusCode, 200, 'the maximum number of ids fits, even indented')
  for (const id of [101, 4294967296, 1e300]) {
    t.match((await post(app, { ids: [0, id] })).json(), {
      status: 404,
      code: 'unknown_sample',
      detail: `train has 101 samples, 0 to 100; there is no ${id}`
    })
  }
  const csv = await post(app, { ids: [1] }, '', { accept: 'text/csv' })
  t.match(csv.json(), { status: 406, code: 'not_acceptable' })
  for (const coding of ['gzip', 'br', 'x-unknown', 'identity, gzip']) {
    const response = await post(app, { ids: [1] }, '', { 'content-encoding': coding })
    t.equal(response.headers['accept-encoding'], 'identity')
    t.match(response.json(), {
      status: 415,
      code: 'unsupported_media_type',
      detail: `the body must be sent without Content-Encoding, got '${coding}'`
    })
  }
  t.equal((await post(app, { ids: [1] }, '', { 'content-encoding': 'Identity' })).statusCode, 200)
})

t.test('thousands of faults are counted, but neither validated nor described', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  let described = 0
  app.addHook('onError', async (_request, _reply, { validation }) => { described = validation?.length ?? 0 })
  const ids = Array.from({ length: 43_000 }, (_, i) => i % 2 ? '' : -1)
  const response = await post(app, { ids })
  t.match(response.json(), { status: 400, code: 'invalid_parameter', omitted_errors: 42_991 })
  t.match(response.json<{ errors: object[] }>().errors.slice(-1), [{
    parameter: 'ids[8]', detail: 'ids[8] must be an integer of at least 0, got -1'
  }])
  t.ok(described > 0 && described < 20, `${described} faults are described`)
})

t.test('bodies of many levels or members are rejected before they are parsed', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  const deep = (opening: string, closing: string) => opening.repeat(20_000) + 1 + closing.repeat(20_000)
  const members = Array.from({ length: 101 }, (_, i) => `"${i}":0`).join()
  for (const ids of [`[${deep('[', ']')}]`, deep('{"a":', '}'), `{${members}}`]) {
    t.match((await post(app, `{"ids":${ids}}`, '', { 'content-type': 'application/json' })).json(), {
      status: 400, code: 'bad_request', detail: 'the body must have at most 8 levels and 100 members'
    })
  }
  const text = JSON.stringify({ ids: [`${'[{:\\"'.repeat(200)}`] })
  t.match((await post(app, text, '', { 'content-type': 'application/json' })).json(), {
    status: 400, errors: [{ parameter: 'ids[0]' }]
  }, 'texts may have such characters')
})

t.test('browsers of other origins may gather', async t => {
  const { app } = await appOver(t, [dataset])
  const origin = 'https://a.example'
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: `${split}/gather`,
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type'
    }
  })
  t.equal(preflight.statusCode, 204)
  t.match(preflight.headers, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': /POST/,
    'access-control-allow-headers': 'content-type'
  })
  t.equal((await post(app, { ids: [1] }, '', { origin })).headers['access-control-allow-origin'], '*')
})
