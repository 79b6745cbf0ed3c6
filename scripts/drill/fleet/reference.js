/**
 * Batches of MNIST's `train`, recomputed from the original files as docs/reproducibility.md specifies them, without any
 * code of the service.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { idxFolder } from '../../lib/mnist.js'

const PIXELS = 784
/** Without the last fifth of the 60,000 samples, which is `val`. */
const SAMPLES = 48_000
/** Orders to keep: each takes 188 KiB. */
const ORDERS = 16

const [images, labels] = [['images-idx3', 16], ['labels-idx1', 8]].map(([name, header]) => {
  return readFileSync(join(idxFolder, `train-${name}-ubyte`)).subarray(header)
})
const orders = new Map()

/**
 * Compares a body in safetensors, with `normalization=raw` and `labels=index`.
 *
 * @returns the name of the first tensor that differs, or undefined
 */
export function findDifference (body, { seed, epoch = 0, page, batchSize }) {
  const headerBytes = Number(body.readBigUInt64LE())
  const header = JSON.parse(body.toString('utf8', 8, 8 + headerBytes))
  const bytes = name => {
    const [start, end] = header[name].data_offsets
    return body.subarray(8 + headerBytes + start, 8 + headerBytes + end)
  }
  const ids = order(seed, epoch).subarray(page * batchSize, (page + 1) * batchSize)
  const shapes = { images: ['U8', ids.length, PIXELS], labels: ['I64', ids.length], ids: ['I32', ids.length] }
  for (const [name, shape] of Object.entries(shapes)) {
    const { dtype, shape: found } = header[name] ?? {}
    if (String([dtype, found]) !== String(shape)) return name
  }
  const expected = {
    images: Buffer.concat(Array.from(ids, id => images.subarray(id * PIXELS, (id + 1) * PIXELS))),
    labels: Buffer.from(BigInt64Array.from(ids, id => BigInt(labels[id])).buffer),
    ids: Buffer.from(Int32Array.from(ids).buffer)
  }
  return Object.keys(expected).find(name => !expected[name].equals(bytes(name)))
}

function order (seed, epoch) {
  const key = `${seed} ${epoch}`
  if (!orders.has(key)) {
    if (orders.size === ORDERS) orders.delete(orders.keys().next().value)
    orders.set(key, seed === undefined ? Uint32Array.from({ length: SAMPLES }, (_, i) => i) : shuffled(seed, epoch))
  }
  return orders.get(key)
}

function shuffled (seed, epoch) {
  const a = mix(seed)
  const b = mix(a ^ mix(epoch + 0x9E3779B9))
  const keys = Uint32Array.from({ length: SAMPLES }, (_, i) => mix(mix(i ^ a) + b))
  return Uint32Array.from({ length: SAMPLES }, (_, i) => i).sort((i, j) => keys[i] - keys[j])
}

/** MurmurHash3's finalizer. */
function mix (h) {
  h = Math.imul(h ^ h >>> 16, 0x85EBCA6B)
  h = Math.imul(h ^ h >>> 13, 0xC2B2AE35)
  return (h ^ h >>> 16) >>> 0
}
