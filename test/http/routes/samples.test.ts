import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { centeredValues, prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })
const { images, labels } = dataset.splits.test
const centered = centeredValues(dataset, 'test')
const samples = '/v1/datasets/made-up/splits/test/samples'
const url = `${samples}/4`

t.test('a sample as JSON, in a normalization and layout', async t => {
  const { app } = await appOver(t, [dataset])
  const body = (await app.inject(url)).json()
  t.match(body, {
    split: 'test',
    id: 4,
    label: labels[4],
    class: String(labels[4]),
    shape: [12],
    dtype: 'float32',
    normalization: 'centered',
    layout: 'flat'
  })
  t.same(Float32Array.from(body.image), centered.subarray(48, 60))
  const raw = (await app.inject(`${url}?normalization=raw&layout=nchw`)).json()
  t.same([raw.shape, raw.dtype], [[1, 4, 3], 'uint8'])
  t.same(raw.image[0][1], [...images.subarray(51, 54)])
})

t.test('a sample as PNG, which has its raw pixels', async t => {
  const { app } = await appOver(t, [dataset])
  const accept = 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8'
  const png = await app.inject({ url, headers: { accept } })
  t.equal(png.headers['content-type'], 'image/png', 'for the Accept header of an <img>')
  t.same(Uint8Array.from(decodePng(png.rawPayload).data), images.subarray(48, 60))
  t.match((await app.inject(`${url}?format=png&normalization=raw&dtype=uint8&layout=nhwc`)).json(), {
    status: 400,
    code: 'invalid_parameter',
    errors: [{ parameter: 'normalization' }, { parameter: 'dtype' }, { parameter: 'layout' }]
  })
})

t.test('each representation of a sample has its own ETag', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = ['', '?format=png', '?layout=nhwc', '?normalization=unit', '?dtype=float16']
  const tags = await Promise.all(queries.map(async query => (await app.inject(url + query)).headers['etag']))
  t.equal(new Set(tags).size, 5)
})

t.test('ids beyond the split are 404, and malformed ids are 400', async t => {
  const { app } = await appOver(t, [dataset])
  t.match((await app.inject(`${samples}/5`)).json(), {
    status: 404,
    code: 'unknown_sample',
    detail: 'test has 5 samples, 0 to 4; there is no 5'
  })
  for (const id of ['-1', '1e0', 'x', '4.png']) {
    const problem = (await app.inject(`${samples}/${id}`)).json()
    t.match(problem, { status: 400, errors: [{ parameter: 'id', allowed: 'an integer of at least 0' }] }, id)
  }
})
