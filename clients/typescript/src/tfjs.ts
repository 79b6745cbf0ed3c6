import type { Batch } from './batch.js'
import type { Epochs } from './epochs.js'
import type { Tensor } from './safetensors.js'

/** The part of TensorFlow.js that is used: `@tensorflow/tfjs`, or `tfjs-core` for `toTensors`. */
export interface TensorFlow<T> {
  tensor (data: Float32Array | Int32Array | Uint8Array, shape: number[], dtype: 'float32' | 'int32'): T
}

export interface TensorBatch<T> {
  readonly images: T
  readonly labels: T
  readonly ids: T
  readonly mask?: T
}

interface TensorFlowData<T, Dataset> extends TensorFlow<T> {
  readonly data: { generator (generator: () => AsyncGenerator<{ xs: T, ys: T }>): Dataset }
}

/**
 * A batch as tensors. TensorFlow.js has neither int64 nor uint8: class indices, `raw` images and the mask become int32.
 *
 * @throws RangeError for float16, which TensorFlow.js has not either
 */
export function toTensors<T> (tf: TensorFlow<T>, { images, labels, ids, mask }: Batch): TensorBatch<T> {
  return {
    images: toTensor(tf, images),
    labels: toTensor(tf, labels),
    ids: toTensor(tf, ids),
    ...(mask && { mask: toTensor(tf, mask) })
  }
}

/**
 * A tf.data dataset of `{ xs, ys }` for `model.fitDataset`, which disposes them. Each iteration is the next epoch,
 * beginning with the first one, or with the one of the state that `epochs` was resumed from.
 */
export function toTfData<T, Dataset> (tf: TensorFlowData<T, Dataset>, epochs: Epochs): Dataset {
  return tf.data.generator(async function * () {
    for await (const { images, labels } of epochs.nextEpoch()) {
      yield { xs: toTensor(tf, images), ys: toTensor(tf, labels) }
    }
  })
}

function toTensor<T> (tf: TensorFlow<T>, { data, shape }: Tensor): T {
  if (data instanceof Uint16Array) throw new RangeError('TensorFlow.js has no float16: request float32')
  if (data instanceof BigInt64Array) return tf.tensor(Int32Array.from(data, Number), [...shape], 'int32')
  return tf.tensor(data, [...shape], data instanceof Float32Array ? 'float32' : 'int32')
}
