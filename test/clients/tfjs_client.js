/**
 * Creates TensorFlow.js tensors from views of a response, and repeats the server's arithmetic.
 *
 *     node tfjs_client.js http://127.0.0.1:8080
 */
import assert from 'node:assert/strict'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'

const BATCH_SIZE = 512
const dataset = `${process.argv[2]}/v1/datasets/mnist`
const views = { F32: Float32Array, U8: Uint8Array, I32: Int32Array, I64: BigInt64Array }

await tf.setBackend('cpu')
const page = 23
const centered = await fetchBatch({ normalization: 'centered', labels: 'onehot' })
const raw = await fetchBatch({ normalization: 'raw', labels: 'index' })

assert.deepEqual(centered.images.shape, [BATCH_SIZE, 784])
assert.equal(raw.images.data.constructor, Uint8Array)
assert.deepEqual(centered.ids.data, raw.ids.data)

const mean = tf.tensor((await getJson(`${dataset}/mean`)).mean.flat(), [784], 'float32')
const images = tf.tensor(centered.images.data, centered.images.shape)
const recomputed = tf.sub(tf.div(tf.tensor(Float32Array.from(raw.images.data), raw.images.shape), 255), mean)
assertSameBits(recomputed.dataSync(), centered.images.data)
assertSameBits(images.dataSync(), centered.images.data)
console.log(`safetensors: ${images.shape} ${images.dtype}; raw / 255 - mean is centered, bit for bit`)

const labels = tf.tensor(centered.labels.data, centered.labels.shape)
assert.deepEqual(Array.from(tf.argMax(labels, 1).dataSync()), Array.from(raw.labels.data, Number))
console.log('labels: one-hot and index agree')

const json = await getJson(batchUrl({ normalization: 'centered', format: 'json' }))
const fromJson = tf.tensor2d(json.images)
assert.deepEqual(fromJson.shape, json.shape)
assertSameBits(fromJson.dataSync(), centered.images.data)
console.log('json: equal to safetensors, bit for bit')

function batchUrl (parameters) {
  return `${dataset}/splits/train/batches?${new URLSearchParams({ page, batch_size: BATCH_SIZE, ...parameters })}`
}

async function get (url) {
  const response = await fetch(url)
  assert.equal(response.status, 200, url)
  return response
}

async function getJson (url) {
  return (await get(url)).json()
}

/** Name → shape and elements of each tensor; the elements are a view of the response. */
async function fetchBatch (parameters) {
  const buffer = await (await get(batchUrl({ ...parameters, format: 'safetensors' }))).arrayBuffer()
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true))
  const { __metadata__: _, ...header } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8)))
  return Object.fromEntries(Object.entries(header).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
    const View = views[dtype]
    return [name, { shape, data: new View(buffer, start + from, (to - from) / View.BYTES_PER_ELEMENT) }]
  }))
}

function assertSameBits (a, b) {
  const bytes = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)
  assert.equal(Buffer.compare(bytes(a), bytes(b)), 0)
}
