/** Checked under moduleResolution node16 and bundler, never run. */
import * as tf from '@tensorflow/tfjs-core'
import { BatchServerError, Client, StateError, type Batch, type State } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'

const client = new Client('http://127.0.0.1:8080', { token: 'secret', retries: 3, timeoutMs: 1000 })
const train = client.dataset('mnist').split('train').epochs({ batchSize: 256, seed: 7, epochs: 3, labels: 'index' })
const iterable: AsyncIterable<Batch> = train
for await (const batch of iterable) {
  const ids: Int32Array = batch.ids.data
  const [count, size]: readonly (number | undefined)[] = batch.images.shape
  const tensors = batch.toTensors(tf)
  const images: tf.Tensor = tensors.images
  tf.dispose([images, tensors.labels, tensors.ids])
  console.log(ids, count, size)
}
const state: State = train.state()
await train.resume(JSON.parse(JSON.stringify(state)))
const data = { generator: (generator: () => AsyncGenerator<{ xs: tf.Tensor, ys: tf.Tensor }>) => generator() }
for await (const { xs, ys } of toTfData({ ...tf, data }, train)) tf.dispose([xs, ys])
const { classes } = await client.dataset('mnist').describe()
const names: string[] = classes
console.log(names, new StateError('').message)

function handle (error: unknown): string {
  return error instanceof BatchServerError && error.code === 'invalid_parameter' ? String(error.allowed['seed']) : ''
}
handle(new Error())
