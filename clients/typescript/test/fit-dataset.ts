/** Checked with the types of the whole of TensorFlow.js, never run. */
import * as tf from '@tensorflow/tfjs'
import { Client } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'

const mnist = new Client('http://127.0.0.1:8080').dataset('mnist')
const options = { batchSize: 256, layout: 'flat', labels: 'onehot' } as const
const train = mnist.split('train').epochs({ ...options, seed: 7 })
const val = mnist.split('val').epochs(options)
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })] })
model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
await model.fitDataset(toTfData(tf, train), { epochs: 3, validationData: toTfData(tf, val) })
for await (const batch of train) {
  const tensors = batch.toTensors(tf)
  const images: tf.Tensor = tensors.images
  tf.dispose([images, tensors.labels, tensors.ids])
}
