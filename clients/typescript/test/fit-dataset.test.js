/** The whole of TensorFlow.js: what the training step receives. Skipped where its packages cannot be installed. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'
import { startService } from '../../../scripts/lib/server.js'
import { importTfjs, prepareTfjs } from '../../../scripts/lib/tfjs.js'
import { batchesOf, order } from './order.js'

const skip = prepareTfjs()
const common = { seed: 7, normalization: 'raw', layout: 'flat' }
let tf
let server
let mnist
let train
/** Pixels → id. */
const identities = new Map()
let classes
before(async () => {
  if (skip) return
  tf = await importTfjs('@tensorflow/tfjs')
  await tf.setBackend('cpu')
  server = await startService()
  mnist = new Client(server.base, { onWarning () {} }).dataset('mnist')
  train = mnist.split('train')
  for await (const { images, ids } of train.epochs({ batchSize: 4096, normalization: 'raw' })) {
    ids.data.forEach((id, i) => identities.set(hash(images.data, i), id))
  }
  assert.equal(identities.size, 48_000)
  classes = Array.from((await train.labels()).data, Number)
})
after(() => server?.stop())

/** Two hashes of an image in one number of 53 bits. */
function hash (pixels, i) {
  let [a, b] = [1, 2]
  for (let j = 784 * i; j < 784 * (i + 1); j++) {
    a = Math.imul(a ^ pixels[j], 0x01000193)
    b = Math.imul(b + pixels[j], 0x85EBCA6B) ^ (b >>> 13)
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11)
}

/** A model that records the ids of its inputs instead of learning. */
function createRecorder (identify = identifyTrain) {
  const model = createModel('sparseCategoricalCrossentropy')
  const steps = []
  const record = ([xs, ys]) => {
    steps.push(identify(xs, ys))
    return [tf.scalar(0), tf.scalar(0)]
  }
  // A sequential model is a wrapper.
  const { model: inner } = model
  inner.makeTrainFunction = () => record
  inner.makeTestFunction = () => { inner.testFunction = record }
  return { model, steps }
}

function identifyTrain (xs, ys) {
  const pixels = xs.dataSync()
  const ids = Array.from({ length: xs.shape[0] }, (_, i) => identities.get(hash(pixels, i)))
  assert.deepEqual([...ys.dataSync()], ids.map(id => classes[id]))
  return ids
}

function createModel (loss) {
  const layer = tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })
  const model = tf.sequential({ layers: [layer] })
  model.compile({ optimizer: tf.train.adam(0.002), loss, metrics: ['accuracy'] })
  return model
}

/** The ids of some epochs, the first one from an offset on. */
function expectBatches (epochs, batchSize, offset = 0, remainder = 'keep') {
  return epochs.flatMap((epoch, i) => {
    return batchesOf(order(48_000, 7, epoch), { batchSize, remainder, offset: i === 0 ? offset : 0 })
  })
}

for (const batchSize of [128, 1000]) {
  test(`fitDataset receives epochs in batches of ${batchSize}, fresh and resumed`, { skip }, async () => {
    const fresh = train.epochs({ ...common, batchSize })
    const states = []
    const callbacks = { onBatchEnd: () => { states.push(fresh.state()) } }
    const { model, steps } = createRecorder()
    await model.fitDataset(toTfData(tf, fresh), { epochs: 3, verbose: 0, callbacks })
    assert.deepEqual(steps, expectBatches([0, 1, 2], batchSize))

    const perEpoch = steps.length / 3
    const [middle, end] = [states[Math.floor(perEpoch / 2) - 1], states[perEpoch - 1]]
    assert.deepEqual([middle.epoch, middle.offset], [0, Math.floor(perEpoch / 2) * batchSize])
    assert.deepEqual([end.epoch, end.offset], [1, 0])
    for (const [state, size] of [[middle, batchSize], [middle, 777], [end, batchSize]]) {
      const resumed = await train.epochs({ ...common, batchSize: size }).resume(JSON.parse(JSON.stringify(state)))
      const { model, steps } = createRecorder()
      await model.fitDataset(toTfData(tf, resumed), { epochs: 2, verbose: 0 })
      assert.deepEqual(steps, expectBatches([state.epoch, state.epoch + 1], size, state.offset))
    }
  })
}

test('with drop, fitDataset receives full batches only', { skip }, async () => {
  const epochs = train.epochs({ ...common, batchSize: 1001, remainder: 'drop' })
  const { model, steps } = createRecorder()
  await model.fitDataset(toTfData(tf, epochs), { epochs: 2, verbose: 0 })
  assert.deepEqual(steps, expectBatches([0, 1], 1001, 0, 'drop'))
})

test('with batchesPerEpoch, repeat() continues within an epoch and into the next one', { skip }, async () => {
  const epochs = train.epochs({ ...common, batchSize: 1000 })
  const { model, steps } = createRecorder()
  const repeated = toTfData(tf, epochs).repeat()
  await model.fitDataset(repeated, { epochs: 4, batchesPerEpoch: 20, verbose: 0 })
  assert.deepEqual(steps, expectBatches([0, 1], 1000).slice(0, 80))
  const { epoch, offset } = epochs.state()
  assert.deepEqual([epoch, offset], [1, 32_000])
})

test('calls of fitDataset that cut epochs short receive new epochs with advanceOnBreak', { skip }, async () => {
  const epochs = train.epochs({ ...common, batchSize: 1000, advanceOnBreak: true })
  const { model, steps } = createRecorder()
  for (let i = 0; i < 3; i++) {
    await model.fitDataset(toTfData(tf, epochs), { epochs: 1, batchesPerEpoch: 5, verbose: 0 })
  }
  assert.deepEqual(steps, [0, 1, 2].flatMap(epoch => expectBatches([epoch], 1000).slice(0, 5)))
})

test('training that stops within an epoch begins it again', { skip }, async () => {
  const epochs = train.epochs({ ...common, batchSize: 1000 })
  const { model, steps } = createRecorder()
  const onBatchEnd = batch => { if (batch === 2) model.stopTraining = true }
  await model.fitDataset(toTfData(tf, epochs), { epochs: 2, verbose: 0, callbacks: { onBatchEnd } })
  await model.fitDataset(toTfData(tf, epochs), { epochs: 1, verbose: 0 })
  const all = expectBatches([0], 1000)
  assert.deepEqual(steps, [...all.slice(0, 3), ...all])
})

test('evaluateDataset receives every sample of each epoch once, also as validation data', { skip }, async () => {
  const test = mnist.split('test')
  const labels = Array.from((await test.labels()).data, Number)
  for (const batchSize of [128, 1000]) {
    const evaluated = test.epochs({ batchSize, normalization: 'raw', layout: 'flat' })
    const dataset = toTfData(tf, evaluated)
    const { model, steps } = createRecorder((_, ys) => [...ys.dataSync()])
    const expected = batchesOf(labels, { batchSize })
    for (let i = 0; i < 3; i++) await model.evaluateDataset(dataset)
    assert.deepEqual(steps, [...expected, ...expected, ...expected])

    steps.length = 0
    for (let i = 0; i < 3; i++) await model.evaluateDataset(dataset, { batches: 5 })
    assert.deepEqual(steps, [0, 1, 2].flatMap(() => expected.slice(0, 5)))

    steps.length = 0
    const trained = toTfData(tf, test.epochs({ batchSize: 2500, normalization: 'raw', layout: 'flat' }))
    await model.fitDataset(trained, { epochs: 2, verbose: 0, validationData: dataset })
    const halves = batchesOf(labels, { batchSize: 2500 })
    assert.deepEqual(steps, [...halves, ...expected, ...halves, ...expected])
  }
})

test('fitDataset learns, and disposes the tensors', { skip }, async () => {
  for (const [labels, loss] of [['onehot', 'categoricalCrossentropy'], ['index', 'sparseCategoricalCrossentropy']]) {
    const model = createModel(loss)
    const epochs = mnist.split('val').epochs({ batchSize: 500, seed: 7, layout: 'flat', labels })
    const numbers = []
    const callbacks = { onEpochEnd: () => { numbers.push(tf.memory().numTensors) } }
    const { history } = await model.fitDataset(toTfData(tf, epochs), { epochs: 3, verbose: 0, callbacks })
    assert(history.acc.at(-1) > 0.8 && history.loss[2] < history.loss[0], JSON.stringify(history))
    assert.equal(numbers[2], numbers[1], 'no tensors are left behind')
    model.dispose()
  }
})

test('the cross-entropy of the worked example is -ln 0.2', { skip }, async () => {
  const predicted = tf.tensor2d([[0.1, 0.2, 0.3, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.1]])
  const { labels: { data } } = await mnist.split('val').gather(Array.from({ length: 100 }, (_, i) => i), {
    labels: 'onehot'
  })
  const rows = Array.from({ length: 100 }, (_, i) => data.subarray(10 * i, 10 * i + 10))
  const loss = tf.metrics.categoricalCrossentropy(tf.tensor2d(rows.find(row => row[1] === 1), [1, 10]), predicted)
  assert.equal(loss.dataSync()[0].toFixed(3), '1.609')
})
