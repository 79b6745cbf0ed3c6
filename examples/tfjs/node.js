/**
 * Trains with TensorFlow.js in Node.js: a perceptron on the WebAssembly backend, or a CNN on the native one.
 *
 *     npm install && node node.js [--model mlp|cnn] [--epochs 12]
 */
import { parseArgs } from 'node:util'
import { printEpoch, saveResult } from './records.js'
import { train } from './train.js'

const { values: { model, epochs } } = parseArgs({
  options: { model: { type: 'string', default: 'mlp' }, epochs: { type: 'string' } }
})
const tf = model === 'cnn' ? await loadNative() : await loadWasm()
const url = process.env.MNIST_BATCHES_URL ?? 'http://127.0.0.1:8080'
saveResult('tfjs-node', await train(tf, { url, model, ...epochs && { epochs: Number(epochs) }, onEpoch: printEpoch }))

async function loadWasm () {
  const tf = await import('@tensorflow/tfjs')
  await import('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  return tf
}

async function loadNative () {
  const { default: tf } = await import('@tensorflow/tfjs-node')
  return tf
}
