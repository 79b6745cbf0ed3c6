import type { Batch, Tensor } from '../dataset.ts'
import type { Part } from './body.ts'
import { bytesOf, dtypeOf, type ElementType } from './bytes.ts'
import { elements } from './shape.ts'
import { slices } from './slices.ts'

/** A tensor as binary formats write it. */
export interface WireTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: ElementType
  readonly bytes: number
  /** The data; images that are not stored are made, slice by slice. */
  readonly part: Part
}

const sizes = { float32: 4, float16: 2, uint8: 1 } as const

/** The tensors of a batch, in the order in which binary formats carry them. */
export function tensorsOf (batch: Batch): WireTensor[] {
  const { images: { shape }, dtype, labels, ids, mask } = batch
  return [
    { name: 'images', shape, dtype, bytes: elements(shape) * sizes[dtype], part: imagesPart(batch) },
    small('labels', labels),
    small('ids', ids),
    ...(mask ? [small('mask', mask)] : [])
  ]
}

/** The bytes of the images. */
export function imagesPart (batch: Batch): Part {
  return batch.stored ? bytesOf(batch.images.data) : () => imagePieces(batch)
}

function * imagePieces (batch: Batch): Generator<Uint8Array> {
  for (const { images } of slices(batch)) yield bytesOf(images.data)
}

function small (name: string, { shape, data }: Tensor): WireTensor {
  return { name, shape, dtype: dtypeOf(data), bytes: data.byteLength, part: bytesOf(data) }
}
