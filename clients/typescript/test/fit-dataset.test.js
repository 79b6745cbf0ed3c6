/** `model.fitDataset` of the whole of TensorFlow.js. Skipped where its packages cannot be installed. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'
import { startService } from '../../../scripts/lib/server.js'
import { importTfjs, prepareTfjs } from '../../../scripts/lib/tfjs.js'
import { collectIds } from './fixtures.js'

const skip = prepareTfjs()
let tf
let server
let split
before(async () => {
  if (skip) return
  tf = await importTfjs('@tensorflow/tfjs')
  await importTfjs('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  server = await startService()
  split = new Client(server.base).dataset('mnist').split('val')
})
after(() => server?.stop())

function createModel (loss) {
  const layer = tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })
  const model = tf.sequential({ layers: [layer] })
  model.compile({ optimizer: tf.train.adam(0.002), loss, metrics: ['accuracy'] })
  return model
}

test('fitDataset trains on a new epoch each time, and disposes the tensors', { skip }, async () => {
  const model = createModel('categoricalCrossentropy')
  const epochs = split.epochs({ batchSize: 500, seed: 7, prefetch: 4 })
  const dataset = toTfData(tf, epochs)
  const positions = []
  const numbers = []
  const callbacks = {
    onBatchEnd: () => { positions.push([epochs.state().epoch, epochs.state().offset]) },
    onEpochEnd: () => { numbers.push(tf.memory().numTensors) }
  }
  const { history } = await model.fitDataset(dataset, { epochs: 3, verbose: 0, callbacks })
  const expected = [0, 1, 2].flatMap(epoch => Array.from({ length: 24 }, (_, i) => [epoch, 500 * (i + 1)]))
  assert.deepEqual(positions, expected)
  assert(history.acc.at(-1) > 0.8 && history.loss[2] < history.loss[0], JSON.stringify(history))
  assert.equal(numbers[2], numbers[1], 'no tensors are left behind')
  model.dispose()
})

test('fitDataset continues from a state', { skip }, async () => {
  const model = createModel('categoricalCrossentropy')
  const first = split.epochs({ batchSize: 500, seed: 7 })
  await model.fitDataset(toTfData(tf, first), { epochs: 1, batchesPerEpoch: 4, verbose: 0 })
  const state = JSON.parse(JSON.stringify(first.state()))
  const rest = await split.epochs({ batchSize: 1000, seed: 7 }).resume(state)
  await model.fitDataset(toTfData(tf, rest), { epochs: 1, verbose: 0 })
  assert.equal(rest.state().offset, 12000)
  assert.equal((await collectIds(await split.epochs({ seed: 7 }).resume(state))).length, 12000 - state.offset)
  model.dispose()
})

test('the cross-entropy of the worked example is -ln 0.2', { skip }, async () => {
  const predicted = tf.tensor2d([[0.1, 0.2, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.1]])
  const { value: { labels } } = await split.epochs({ batchSize: 100 })[Symbol.asyncIterator]().next()
  const rows = Array.from({ length: 100 }, (_, i) => labels.data.subarray(10 * i, 10 * i + 10))
  const loss = tf.metrics.categoricalCrossentropy(tf.tensor2d(rows.find(row => row[1] === 1), [1, 10]), predicted)
  assert.equal(loss.dataSync()[0].toFixed(3), '1.609')
})
