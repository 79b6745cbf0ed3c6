/**
 * Reads colour images with the TypeScript client, in every layout.
 *
 *     node colour_client.js http://127.0.0.1:8080
 */
import assert from 'node:assert/strict'
import { Client } from '../../clients/typescript/dist/index.js'

const colour = new Client(process.argv[2]).dataset('colour')
const { shape: [, rows, columns] } = await colour.describe()
const plane = rows * columns
const mean = await colour.mean()
assert.deepEqual(mean.shape, [3, rows, columns])

const train = colour.split('train')
const ids = [3, 1, 2, 1]
const gather = async (normalization, layout) => (await train.gather(ids, { normalization, layout })).images
const planes = await gather('unit', 'nchw')
assert.deepEqual(planes.shape, [4, 3, rows, columns])
const flat = await gather('unit', 'flat')
assert.deepEqual([flat.shape, flat.data], [[4, 3 * plane], planes.data])
const interleaved = await gather('unit', 'nhwc')
assert.deepEqual(interleaved.shape, [4, rows, columns, 3])
assert.deepEqual(interleaved.data, planes.data.map((_, i) => {
  const [image, pixel, channel] = [Math.floor(i / (3 * plane)), Math.floor(i / 3) % plane, i % 3]
  return planes.data[image * 3 * plane + channel * plane + pixel]
}))
const centered = await gather('centered', 'nchw')
assert.deepEqual(centered.data, planes.data.map((value, i) => value - mean.data[i % (3 * plane)]))

let samples = 0
for await (const { images } of train.epochs({ batchSize: 100, seed: 1, augment: 'flip:0.5', layout: 'nhwc' })) {
  assert.deepEqual(images.shape.slice(1), [rows, columns, 3])
  samples += images.shape[0]
}
assert.equal(samples, await train.count())
console.log(`${samples} colour images of ${rows}×${columns}, in every layout`)
