import type { Batch, Tensor } from '../dataset.ts'
import { bytesOf, dtypeOf, type ElementType } from './bytes.ts'
import { elements } from './shape.ts'
import { slices } from './slices.ts'

/** A tensor as binary formats write it. */
export interface WireTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: ElementType
  readonly bytes: number
  /** All bytes of the data, in order; of images, slice by slice. */
  parts (): Iterable<Uint8Array>
}

const sizes = { float32: 4, float16: 2, uint8: 1 } as const

/** The tensors of a batch, in the order in which binary formats carry them. */
export function tensorsOf (batch: Batch): WireTensor[] {
  const { images: { shape }, dtype, labels, ids, mask } = batch
  return [
    { name: 'images', shape, dtype, bytes: elements(shape) * sizes[dtype], parts: () => imageParts(batch) },
    small('labels', labels),
    small('ids', ids),
    ...(mask ? [small('mask', mask)] : [])
  ]
}

/** The bytes of the images, slice by slice. */
export function * imageParts (batch: Batch): Generator<Uint8Array> {
  for (const { images } of slices(batch)) yield bytesOf(images.data)
}

function small (name: string, { shape, data }: Tensor): WireTensor {
  return { name, shape, dtype: dtypeOf(data), bytes: data.byteLength, parts: () => [bytesOf(data)] }
}
