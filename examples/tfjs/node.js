/**
 * Trains with TensorFlow.js in Node.js: a perceptron on the WebAssembly backend, or a CNN on the native one.
 *
 *     npm install && node node.js [--model mlp|cnn] [--epochs 3] [--save]
 *
 * The server is at MNIST_BATCHES_URL, by default http://127.0.0.1:8080. `--save` writes to examples/results. The CNN
 * requires @tensorflow/tfjs-node, which `npm ci` in the root of this repository installs where it can.
 */
import { parseArgs } from 'node:util'
import { printEpoch, printResult, saveResult } from './records.js'
import { train } from './train.js'

const { values: { model, epochs, save } } = parseArgs({
  options: {
    model: { type: 'string', default: 'mlp' },
    epochs: { type: 'string' },
    save: { type: 'boolean' }
  }
})
const tf = model === 'cnn' ? await loadNative() : await loadWasm()
const url = process.env.MNIST_BATCHES_URL ?? 'http://127.0.0.1:8080'
const result = await train(tf, { url, model, ...epochs && { epochs: Number(epochs) }, onEpoch: printEpoch })
printResult('tfjs-node', result)
if (save) saveResult('tfjs-node', result)

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
