import type { AnyImages, AnyLabels, AnyMask, BatchTensors } from './options.js'
import { readTensors, type Tensor, type TensorData } from './safetensors.js'
import { toTensors, type TensorFlow, type TensorBatch } from './tfjs.js'

/** Samples in the order of the epoch, or of the ids that were gathered. */
export class Batch<
  Images extends AnyImages = AnyImages, Labels extends AnyLabels = AnyLabels, Mask extends AnyMask = AnyMask
> implements BatchTensors<Images, Labels, Mask> {
  /** Float32Array; Uint8Array of `raw` images; the bits of float16 as Uint16Array. */
  readonly images: Tensor<Images>
  /** A BigInt64Array of class indices (`index`), or rows of a Float32Array (`onehot`). */
  readonly labels: Tensor<Labels>
  /** Positions of the samples in the split. */
  readonly ids: Tensor<Int32Array>
  /** 1 for a sample and 0 for padding; undefined unless `remainder` is `pad`. */
  readonly mask: Mask

  constructor ({ images, labels, ids, mask }: BatchTensors<Images, Labels, Mask>) {
    this.images = images
    this.labels = labels
    this.ids = ids
    this.mask = mask
  }

  /** The caller knows the types by the options of the request. */
  static read<Images extends AnyImages, Labels extends AnyLabels, Mask extends AnyMask> (
    body: ArrayBuffer
  ): Batch<Images, Labels, Mask> {
    const tensors = readTensors(body)
    // Copies: labels that are kept must not keep the images, nor be detached when those are transferred.
    const copy = (name: string): Tensor | undefined => {
      const tensor = tensors.get(name)
      return tensor && { data: tensor.data.slice(), shape: tensor.shape }
    }
    return new Batch<Images, Labels, Mask>({
      images: tensors.get('images') as Tensor<Images>,
      labels: copy('labels') as Tensor<Labels>,
      ids: copy('ids') as Tensor<Int32Array>,
      mask: copy('mask') as Mask
    })
  }

  /** The samples of several batches without a mask as one. */
  static join<Images extends AnyImages, Labels extends AnyLabels> (
    batches: ReadonlyArray<Batch<Images, Labels, undefined>>
  ): Batch<Images, Labels, undefined> {
    if (batches.length === 1) return batches[0]!
    return new Batch({
      images: concatenate(batches.map(({ images }) => images)),
      labels: concatenate(batches.map(({ labels }) => labels)),
      ids: concatenate(batches.map(({ ids }) => ids)),
      mask: undefined
    })
  }

  /** Number of samples, with padding. */
  get size (): number { return this.ids.data.length }

  /** TensorFlow.js tensors, which the caller disposes. */
  toTensors<T> (tf: TensorFlow<T>): TensorBatch<T> {
    return toTensors(tf, this)
  }
}

function concatenate<Data extends TensorData> (tensors: ReadonlyArray<Tensor<Data>>): Tensor<Data> {
  const [first] = tensors
  const ArrayType = first!.data.constructor as new (length: number) => Data
  const data = new ArrayType(tensors.reduce((sum, { data }) => sum + data.length, 0))
  let offset = 0
  for (const { data: values } of tensors) {
    // All are of the same type.
    data.set(values as never, offset)
    offset += values.length
  }
  return { data, shape: [tensors.reduce((sum, { shape }) => sum + shape[0]!, 0), ...first!.shape.slice(1)] }
}
