/** Training with `model.fitDataset`, in Node.js and in browsers alike. */
import { Client } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'

const AUGMENT = 'rotate:10,shift:1'

/** Convolutions train on the native backend only. */
const models = {
  mlp: {
    layout: 'flat',
    epochs: 3,
    create: tf => tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [784], units: 256, activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' })
      ]
    })
  },
  cnn: {
    layout: 'nhwc',
    epochs: 2,
    create: tf => tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 16, kernelSize: 5, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 128, activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' })
      ]
    })
  }
}

/**
 * Trains a model, selects the best epoch on `val`, and uses `test` once.
 *
 * @param tf TensorFlow.js
 * @param options.url of the server
 * @param options.model `mlp` or `cnn`
 * @param options.epochs a few minutes of them by default
 * @param options.onEpoch called with the results of each epoch
 * @returns a result of the form that the other examples have
 */
export async function train (tf, { url, model: name, epochs = models[name].epochs, onEpoch }) {
  const { layout, create } = models[name]
  const mnist = new Client(url).dataset('mnist')
  // Layers of TensorFlow.js have channels last, and this loss has one-hot labels.
  const common = { normalization: 'centered', layout, labels: 'onehot' }
  const train = withWaitingTime(mnist.split('train').epochs({ ...common, seed: 1, augment: AUGMENT }))
  const [val, test] = ['val', 'test'].map(split => {
    return toTfData(tf, mnist.split(split).epochs({ ...common, batchSize: 2000 }))
  })

  const model = create(tf)
  model.compile({ optimizer: tf.train.adam(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const results = []
  let best = { accuracy: 0, weights: [] }
  let started = performance.now()
  const onEpochEnd = async (_, { loss, val_acc: accuracy }) => {
    const seconds = (performance.now() - started) / 1000
    results.push({ val_accuracy: accuracy, seconds, loss, waiting: train.waited / 1000 / seconds })
    onEpoch?.(results.at(-1))
    if (accuracy >= best.accuracy) {
      tf.dispose(best.weights)
      best = { accuracy, weights: model.getWeights().map(weight => weight.clone()) }
    }
    train.waited = 0
    started = performance.now()
  }
  await model.fitDataset(toTfData(tf, train), {
    epochs, validationData: val, verbose: 0, yieldEvery: 'never', callbacks: { onEpochEnd }
  })
  model.setWeights(best.weights)
  const accuracy = (await model.evaluateDataset(test))[1].dataSync()[0]
  const waiting = results.reduce((sum, epoch) => sum + epoch.waiting * epoch.seconds, 0) /
    results.reduce((sum, { seconds }) => sum + seconds, 0)
  const options = { model: name, backend: tf.getBackend(), augment: AUGMENT, epochs }
  return { options, test_accuracy: accuracy, waiting, epochs: results }
}

/** The same epochs, which also add up the milliseconds that the training loop waits for batches. */
function withWaitingTime (epochs) {
  return {
    waited: 0,
    async * [Symbol.asyncIterator] () {
      const batches = epochs[Symbol.asyncIterator]()
      for (;;) {
        const asked = performance.now()
        const { done, value } = await batches.next()
        this.waited += performance.now() - asked
        if (done) return
        yield value
      }
    }
  }
}
