/** Checked with the types of the whole of TensorFlow.js, never run. */
import * as tf from '@tensorflow/tfjs'
import { Client } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'

const mnist = new Client('http://127.0.0.1:8080').dataset('mnist')
const [train, val] = (['train', 'val'] as const).map(split => mnist.split(split).epochs({ batchSize: 256, seed: 7 }))
const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [784], units: 10, activation: 'softmax' })] })
model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' })
await model.fitDataset(toTfData(tf, train!), { epochs: 3, validationData: toTfData(tf, val!) })
for await (const batch of train!) {
  const tensors = batch.toTensors(tf)
  const images: tf.Tensor = tensors.images
  tf.dispose([images, tensors.labels, tensors.ids])
}
