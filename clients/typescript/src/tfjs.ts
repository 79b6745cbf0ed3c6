import type { AnyLabels, BatchTensors, Remainder } from './options.js'
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
 * @throws RangeError for float16, which TensorFlow.js lacks as well
 */
export function toTensors<T> (tf: TensorFlow<T>, { images, labels, ids, mask }: BatchTensors): TensorBatch<T> {
  return {
    images: toTensor(tf, images),
    labels: toTensor(tf, labels),
    ids: toTensor(tf, ids),
    ...(mask && { mask: toTensor(tf, mask) })
  }
}

/** Epochs with images of a type that TensorFlow.js supports, and without a mask. */
export interface TensorFlowEpochs extends AsyncIterable<BatchTensors<Float32Array | Uint8Array, AnyLabels, undefined>> {
  readonly remainder?: Remainder
}

/**
 * A tf.data dataset of `{ xs, ys }` for `model.fitDataset`, which disposes them. Each iteration is the next epoch,
 * beginning with the first one, or with the one of the state that `epochs` was resumed from. All values are float32,
 * which layers and losses require, even `sparseCategoricalCrossentropy`.
 *
 * @throws RangeError for `remainder: 'pad'`, since TensorFlow.js has no weights for the samples of a dataset
 */
export function toTfData<T, Dataset> (tf: TensorFlowData<T, Dataset>, epochs: TensorFlowEpochs): Dataset {
  if (epochs.remainder === 'pad') {
    throw new RangeError("TensorFlow.js would count the padding of remainder: 'pad' as samples: pass " +
      "remainder: 'keep' or 'drop', or use the mask of batch.toTensors(tf)")
  }
  return tf.data.generator(async function * () {
    for await (const { images, labels } of epochs) yield { xs: toFloat32(tf, images), ys: toFloat32(tf, labels) }
  })
}

function toFloat32<T> (tf: TensorFlow<T>, { data, shape }: Tensor): T {
  if (data instanceof BigInt64Array) return tf.tensor(Float32Array.from(data, Number), [...shape], 'float32')
  if (data instanceof Uint8Array) return tf.tensor(Float32Array.from(data), [...shape], 'float32')
  return toTensor(tf, { data, shape })
}

function toTensor<T> (tf: TensorFlow<T>, { data, shape }: Tensor): T {
  if (data instanceof Uint16Array) throw new RangeError('TensorFlow.js has no float16: request float32')
  if (data instanceof BigInt64Array) return tf.tensor(Int32Array.from(data, Number), [...shape], 'int32')
  return tf.tensor(data, [...shape], data instanceof Float32Array ? 'float32' : 'int32')
}
