import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { Client } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'
import { startService } from '../../../scripts/lib/server.js'

let server
let split
before(async () => {
  await tf.setBackend('cpu')
  server = await startService()
  split = new Client(server.base).dataset('mnist').split('test')
})
after(() => server?.stop())

test('a batch becomes tensors', async () => {
  for await (const batch of split.epochs({ batchSize: 2500, layout: 'nhwc', remainder: 'pad' })) {
    const { images, labels, ids, mask } = batch.toTensors(tf)
    assert.deepEqual([images, labels, ids, mask].map(({ dtype }) => dtype), ['float32', 'int32', 'int32', 'int32'])
    assert.deepEqual(images.shape, [2500, 28, 28, 1])
    assert.deepEqual([...labels.dataSync()], Array.from(batch.labels.data, Number))
    assert.deepEqual(images.dataSync(), batch.images.data)
    tf.dispose([images, labels, ids, mask])
  }
  for await (const batch of split.epochs({ batchSize: 4096, normalization: 'raw', labels: 'onehot' })) {
    const { images, labels, ids } = batch.toTensors(tf)
    assert.deepEqual([images.dtype, labels.dtype, labels.shape[1]], ['int32', 'float32', 10])
    tf.dispose([images, labels, ids])
  }
  for await (const batch of split.epochs({ batchSize: 4096, dtype: 'float16' })) {
    assert.throws(() => batch.toTensors(tf), /no float16/)
  }
  assert.equal(tf.memory().numTensors, 0)
})

test('each iteration of a tf.data dataset is the next epoch, from a state on', async () => {
  // The function that tf.data calls for every iteration.
  const data = { generator: generator => generator }
  const iterate = async (dataset, epochs) => {
    const found = []
    const { epoch } = epochs
    for await (const { xs, ys } of dataset()) {
      found.push([epoch, xs.shape[0]])
      tf.dispose([xs, ys])
    }
    return found
  }
  const epochs = split.epochs({ batchSize: 4000, seed: 1, normalization: 'raw' })
  const dataset = toTfData({ ...tf, data }, epochs)
  for (const epoch of [0, 1, 2]) {
    assert.deepEqual(await iterate(dataset, epochs), [[epoch, 4000], [epoch, 4000], [epoch, 2000]])
  }
  const resumed = await split.epochs({ batchSize: 3000, seed: 1, normalization: 'raw' })
    .resume({ ...epochs.state(), epoch: 7, offset: 6000 })
  const rest = toTfData({ ...tf, data }, resumed)
  assert.deepEqual(await iterate(rest, resumed), [[7, 3000], [7, 1000]])
  assert.deepEqual((await iterate(rest, resumed))[0], [8, 3000])
  assert.equal(tf.memory().numTensors, 0)
})

test('padding and float16, which TensorFlow.js has not, are refused', async () => {
  const data = { generator: generator => generator }
  const padded = split.epochs({ remainder: 'pad' })
  assert.throws(() => toTfData({ ...tf, data }, padded), /remainder: 'keep' or 'drop'/)
  const half = toTfData({ ...tf, data }, split.epochs({ dtype: 'float16' }))
  await assert.rejects(half().next(), /no float16/)
})
