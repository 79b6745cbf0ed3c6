/** Checked under every module resolution of TypeScript, never run. */
import * as tf from '@tensorflow/tfjs-core'
import { BatchServerError, Client, StateError, type Batch, type EpochOptions, type State } from 'mnist-batch-client'
import { toTfData } from 'mnist-batch-client/tfjs'

const client = new Client('http://127.0.0.1:8080', { token: 'secret', giveUpAfter: 60, timeout: 10, onWarning () {} })
const mnist = client.dataset('mnist')
const split = mnist.split('train')
const data = { generator: (generator: () => AsyncGenerator<{ xs: tf.Tensor, ys: tf.Tensor }>) => generator() }

async function train (): Promise<void> {
  const train = split.epochs({ batchSize: 256, seed: 7 })
  const iterable: AsyncIterable<Batch> = train
  while (train.epoch < 3) {
    for await (const batch of iterable) {
      const ids: Int32Array = batch.ids.data
      const [count, size]: readonly (number | undefined)[] = batch.images.shape
      const tensors = batch.toTensors(tf)
      const images: tf.Tensor = tensors.images
      tf.dispose([images, tensors.labels, tensors.ids])
      console.log(ids, count, size)
    }
  }
  const state: State = train.state()
  await train.resume(JSON.parse(JSON.stringify(state)))
  const counts: number[] = [await train.length(), await train.remaining(), train.rank, train.worldSize]
  for await (const { xs, ys } of toTfData({ ...tf, data }, train)) tf.dispose([xs, ys])
  const { classes } = await mnist.describe()
  const names: string[] = classes
  console.log(names, counts, new StateError('').message)
}

/** The types of batches follow the options. */
async function assertTypes (): Promise<void> {
  for await (const { images, labels, mask } of split.epochs()) {
    const [values, indices, none]: [Float32Array, BigInt64Array, undefined] = [images.data, labels.data, mask]
    console.log(values, indices, none)
  }
  for await (const { images, labels, mask } of split.epochs({
    normalization: 'raw', labels: 'onehot', remainder: 'pad'
  })) {
    const [pixels, rows, flags]: [Uint8Array, Float32Array, Uint8Array] = [images.data, labels.data, mask.data]
    console.log(pixels, rows, flags)
  }
  for await (const { images } of split.epochs({ dtype: 'float16' })) {
    const bits: Uint16Array = images.data
    console.log(bits)
  }
  // Options that are not known yet.
  const options: EpochOptions = JSON.parse('{}')
  for await (const { labels, mask } of split.epochs(options)) {
    const [either, perhaps]: [Float32Array | BigInt64Array, Uint8Array | undefined] = [labels.data, mask?.data]
    // @ts-expect-error: it may be one-hot
    const indices: BigInt64Array = labels.data
    console.log(either, perhaps, indices)
  }
  const { images, labels } = await split.gather([3, 1], { labels: 'onehot', normalization: 'raw' })
  const [pixels, rows]: [Uint8Array, Float32Array] = [images.data, labels.data]
  const { image, label } = await split.sample(3)
  const [values, index]: [Float32Array, number] = [image.data, label]
  const [all, mean]: [BigInt64Array, Float32Array] = [(await split.labels()).data, (await mnist.mean()).data]
  console.log(pixels, rows, values, index, all, mean)
}

/** Wrong options do not compile. */
function assertErrors (): void {
  // @ts-expect-error: batchSize
  split.epochs({ batch_size: 50, seed: 7 })
  // @ts-expect-error: each iteration is an epoch
  split.epochs({ epochs: 3, seed: 7 })
  // @ts-expect-error: a number
  split.epochs({ batchSize: '50' })
  // @ts-expect-error: undefined stands for no seed
  split.epochs({ seed: null })
  // @ts-expect-error: onehot
  split.epochs({ labels: 'one-hot' })
  // @ts-expect-error: val
  mnist.split('validation')
  // @ts-expect-error: giveUpAfter
  console.log(new Client('http://127.0.0.1:8080', { retries: 3 }))
  // @ts-expect-error: gather has no batches
  split.gather([0], { batchSize: 3 }).catch(() => {})
  // @ts-expect-error: a sample has the index of its class
  split.sample(0, { labels: 'onehot' }).catch(() => {})
  // @ts-expect-error: TensorFlow.js ignores the mask
  toTfData({ ...tf, data }, split.epochs({ remainder: 'pad' }))
  // @ts-expect-error: TensorFlow.js has no float16
  toTfData({ ...tf, data }, split.epochs({ dtype: 'float16' }))
}

function handle (error: unknown): string {
  return error instanceof BatchServerError && error.code === 'invalid_parameter' ? String(error.allowed['seed']) : ''
}

train().then(assertTypes).then(assertErrors, handle)
