import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { LoadedDataset } from '../../../src/dataset/registry.ts'
import { appOver } from '../../fixtures/app.ts'
import { centeredValues, prepared } from '../../fixtures/prepared.ts'

const path = '/v1/datasets/made-up/splits/train'

/** A dataset of blank images that takes memory for u8 pixels alone; without pixels if only its size matters. */
function blank (count: number, side: number, pixels = count * side * side): LoadedDataset {
  const dataset = prepared({ train: 1, val: 1, test: 1 })
  const train = { ...dataset.splits.train, count, images: new Uint8Array(pixels) }
  return { ...dataset, shape: { channels: 1, rows: side, columns: side }, splits: { ...dataset.splits, train } }
}

t.test('a batch that a format cannot hold is rejected, with the largest batch_size', async t => {
  const { app } = await appOver(t, [blank(4096, 1024, 0)], { maxBatchSize: 4096 })
  const cases = [
    ['batches', 'npz', '', 1023, 1024],
    ['batches', 'npz', '&normalization=raw', 4095, 4096],
    ['batches', 'npz', '&dtype=float16', 2047, 2048],
    ['batches', 'arrow', '&normalization=unit', 511, 512],
    ['stream', 'arrow', '&normalization=unit', 511, 512]
  ] as const
  for (const [resource, format, query, most, size] of cases) {
    const response = await app.inject(`${path}/${resource}?format=${format}&batch_size=${size}${query}`)
    t.equal(response.statusCode, 400, `${resource} ${format} ${query}`)
    const { detail, errors } = response.json()
    t.match(detail, `batch_size must be at most ${most} for images of this size, got ${size}: ${format} is limited to`)
    t.match(errors, [{ parameter: 'batch_size', allowed: `an integer from 1 to ${most}` }])
    const fitting = await app.inject({
      method: 'HEAD',
      url: `${path}/${resource}?format=${format}&batch_size=${most}${query}`
    })
    t.equal(fitting.statusCode, 200)
  }
  const gathered = await app.inject({
    method: 'POST',
    url: `${path}/gather?format=npz`,
    payload: { ids: Array.from({ length: 1024 }, (_, i) => i) }
  })
  t.match(gathered.json(), { status: 400, errors: [{ parameter: 'ids', allowed: '1 to 1023 ids' }] })
  const url = `${path}/batches?format=safetensors&batch_size=4096&normalization=unit`
  const { headers } = await app.inject({ method: 'HEAD', url })
  t.ok(Number(headers['content-length']) > 2 ** 34, 'safetensors has no limit')
})

t.test('augmented images that WORK_MEMORY cannot hold are rejected, with the largest batch_size', async t => {
  const { app } = await appOver(t, [blank(8, 1024)], { workMemory: 3 << 20 })
  for (const resource of ['batches', 'stream']) {
    const { statusCode, body } = await app.inject(`${path}/${resource}?batch_size=4&augment=noise:1`)
    t.equal(statusCode, 400)
    t.match(JSON.parse(body), {
      detail: 'batch_size must be at most 3 for images of this size, got 4: ' +
        'WORK_MEMORY cannot hold more augmented images',
      errors: [{ parameter: 'batch_size', allowed: 'an integer from 1 to 3' }]
    })
  }
  const url = `${path}/batches?batch_size=3&augment=shift:1&normalization=raw&format=npz`
  t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 200)

  const { app: tiny } = await appOver(t, [blank(8, 1024)], { workMemory: 1 << 19 })
  t.match((await tiny.inject(`${path}/batches?batch_size=1&augment=shift:1`)).json(), {
    status: 400,
    errors: [{ allowed: 'nothing with augment' }]
  })
})

t.test('a body too large to be held is compressed while it is sent', async t => {
  const { app } = await appOver(t, [blank(17, 512)])
  const response = await app.inject({
    url: `${path}/batches?batch_size=17&normalization=raw&format=safetensors`,
    headers: { 'accept-encoding': 'gzip' }
  })
  t.match(response.headers, { 'content-encoding': 'gzip', 'content-length': undefined, etag: /\/gzip"$/ })
  const identity = await app.inject(`${path}/batches?batch_size=17&normalization=raw&format=safetensors`)
  t.ok(gunzipSync(response.rawPayload).equals(identity.rawPayload))
})

t.test('images of 512×512 as JSON: batches, streams, samples and the mean', async t => {
  const dataset = prepared({ train: 2, val: 1, test: 1 }, { rows: 512, columns: 512 })
  const { app } = await appOver(t, [dataset])
  const centered = centeredValues(dataset, 'train')
  const isEqual = (found: number[], expected: Float32Array) => {
    return found.length === expected.length && found.every((value, i) => Math.fround(value) === expected[i])
  }
  t.ok(isEqual((await app.inject(`${path}/batches`)).json().images.flat(), centered), 'a batch')
  const [line] = (await app.inject(`${path}/stream`)).body.split('\n')
  t.ok(isEqual(JSON.parse(line!).images.flat(), centered), 'a stream')
  const { image } = (await app.inject(`${path}/samples/1?layout=nhwc`)).json()
  t.same([image.length, image[0].length, image[0][0].length], [512, 512, 1])
  t.ok(isEqual(image.flat(2), centered.subarray(512 * 512)), 'a sample')
  const { mean } = (await app.inject('/v1/datasets/made-up/mean')).json()
  t.ok(isEqual(mean.flat(), dataset.meanImage), 'the mean image')
})
