import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'mnist-batch-client'
import { startService } from '../../../scripts/lib/server.js'

let server
let dataset
let split
before(async () => {
  server = await startService()
  dataset = new Client(server.base).dataset('mnist')
  split = dataset.split('test')
})
after(() => server?.stop())

test('more samples than the server sends at once come in several requests, as one batch', async () => {
  const urls = []
  const count = (...request) => {
    urls.push(new URL(request[0]).pathname)
    return fetch(...request)
  }
  const counted = new Client(server.base, { fetch: count }).dataset('mnist').split('test')
  const ids = Array.from({ length: 9000 }, (_, i) => (i * 7) % 10_000)
  const { images, labels, ids: found, mask } = await counted.gather(ids, { normalization: 'raw' })
  assert.equal(urls.filter(path => path.endsWith('/gather')).length, 3)
  assert.deepEqual([images.shape, labels.shape, found.shape], [[9000, 1, 28, 28], [9000], [9000]])
  assert.deepEqual([...found.data], ids)
  assert.equal(mask, undefined)
  const all = []
  for await (const batch of split.epochs({ batchSize: 4096, normalization: 'raw' })) {
    for (let i = 0; i < batch.size; i++) all.push(batch.images.data.subarray(784 * i, 784 * (i + 1)))
  }
  for (const i of [0, 4095, 4096, 8999]) {
    assert.deepEqual(images.data.subarray(784 * i, 784 * (i + 1)), all[ids[i]])
  }
})

test('samples have the same defaults as batches, and other options on request', async () => {
  const { value: batch } = await split.epochs({ batchSize: 4 })[Symbol.asyncIterator]().next()
  const gathered = await split.gather(Int32Array.of(0, 1, 2, 3))
  assert.deepEqual({ ...gathered }, { ...batch })
  const { images, labels } = await split.gather([5], { labels: 'onehot', layout: 'flat', dtype: 'float16' })
  assert(images.data instanceof Uint16Array && labels.data instanceof Float32Array)
  assert.deepEqual([images.shape, labels.shape], [[1, 784], [1, 10]])
  const { image, label, id } = await split.sample(3)
  assert.deepEqual([image.shape, id], [[1, 28, 28], 3])
  assert.deepEqual([...image.data], [...batch.images.data.subarray(3 * 784)])
  assert.equal(label, Number(batch.labels.data[3]))
  await assert.rejects(split.sample(3, { labels: 'onehot' }), /no option 'labels'/)
  await assert.rejects(split.gather([3], { batchSize: 1 }), /no option 'batchSize'/)
})

test('augmented samples are those of a batch', async () => {
  const options = { augment: 'rotate:15', seed: 7 }
  const train = dataset.split('train')
  const { value: batch } = await train.epochs({ batchSize: 4, epoch: 2, ...options })[Symbol.asyncIterator]().next()
  assert.deepEqual({ ...await train.gather(batch.ids.data, { ...options, epoch: 2 }) }, { ...batch })
})

test('ids that are no positions are refused', async () => {
  const faults = [
    [[true, false], TypeError, /integers from 0 to 9999, the ids of test, got true at position 0; turn a mask into/],
    [[0, 1.5], RangeError, /got 1.5 at position 1/],
    [[-1], RangeError, /got -1 at position 0/],
    [[10_000], RangeError, /got 10000/],
    [[NaN], RangeError, /got NaN/],
    [['1'], TypeError, /got '1'/],
    [[null], TypeError, /got null/],
    [BigInt64Array.of(1n), TypeError, /got 1n/],
    [[], RangeError, /at least one .* got none/],
    [5, TypeError, /a list of .* got 5/],
    [new Set([1]), TypeError, /got an object/],
    [undefined, TypeError, /got undefined/]
  ]
  for (const [ids, type, message] of faults) {
    await assert.rejects(split.gather(ids), error => {
      assert(error instanceof type && message.test(error.message), error.message)
      return true
    })
  }
  await assert.rejects(split.sample(-1), /got -1/)
})

test('a split has labels, and a dataset a mean image', async () => {
  const { data, shape } = await split.labels()
  assert(data instanceof BigInt64Array)
  assert.deepEqual([shape, ...data.subarray(0, 4)], [[10_000], 7n, 2n, 1n, 0n])
  const mean = await dataset.mean()
  const [raw, centered] = await Promise.all(['unit', 'centered'].map(normalization => {
    return split.gather([0], { normalization })
  }))
  assert.deepEqual(mean.shape, [28, 28])
  assert.deepEqual(raw.images.data.map((value, i) => value - mean.data[i]), centered.images.data)
})

test('labels, ids and mask neither keep the images nor go with them', async () => {
  for await (const { images, labels, ids, mask } of split.epochs({ batchSize: 3000, remainder: 'pad' })) {
    for (const { data } of [labels, ids, mask]) assert.equal(data.buffer.byteLength, data.byteLength)
    const { port1, port2 } = new MessageChannel()
    port1.postMessage(images.data, [images.data.buffer])
    port1.close()
    port2.close()
    assert.deepEqual([images.data.length, labels.data.length, ids.data.length, mask.data.length], [0, 3000, 3000, 3000])
  }
})

test('many batches ahead cause no warning of Node.js', async t => {
  const warnings = []
  const note = warning => warnings.push(warning.message)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  const { signal } = new AbortController()
  const loops = Array.from({ length: 12 }, () => split.epochs({ batchSize: 1000, prefetch: 12, signal }))
  await Promise.all(loops.map(async epochs => {
    for await (const { size } of epochs) assert.equal(size, 1000)
  }))
  // Warnings are emitted on the next tick.
  await new Promise(resolve => { setImmediate(resolve) })
  assert.deepEqual(warnings, [])
})
