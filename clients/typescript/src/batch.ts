import { readTensors, type Tensor } from './safetensors.js'
import { toTensors, type TensorFlow, type TensorBatch } from './tfjs.js'

/** Samples in the order of the epoch, as views of one response. */
export class Batch {
  /** Float32Array; Uint8Array of `raw` images; of float16, the bits as Uint16Array. */
  readonly images: Tensor<Float32Array | Uint16Array | Uint8Array>
  /** Rows of a Float32Array (`onehot`), or a BigInt64Array of class indices (`index`). */
  readonly labels: Tensor<Float32Array | BigInt64Array>
  /** Positions of the samples in the split. */
  readonly ids: Tensor<Int32Array>
  /** 1 for a sample and 0 for padding; with `remainder: 'pad'` only. */
  readonly mask?: Tensor<Uint8Array>

  constructor (body: ArrayBuffer) {
    const tensors = readTensors(body)
    this.images = tensors.get('images') as Tensor<Float32Array | Uint16Array | Uint8Array>
    this.labels = tensors.get('labels') as Tensor<Float32Array | BigInt64Array>
    this.ids = tensors.get('ids') as Tensor<Int32Array>
    const mask = tensors.get('mask')
    if (mask) this.mask = mask as Tensor<Uint8Array>
  }

  /** Number of samples, with padding. */
  get size (): number { return this.ids.data.length }

  /** TensorFlow.js tensors, which the caller disposes. */
  toTensors<T> (tf: TensorFlow<T>): TensorBatch<T> {
    return toTensors(tf, this)
  }
}
