import type { Batch, Tensor } from '../dataset.ts'
import type { Part } from './body.ts'
import { bytesOf, type ElementType } from './bytes.ts'
import { elements } from './shape.ts'
import { isWhole, slices } from './slices.ts'

/** A tensor as binary formats write it. */
export interface WireTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: ElementType
  readonly bytes: number
  /** The data. What would be much to hold for a reader who is slow is made when it is sent, images slice by slice. */
  readonly part: Part
}

const sizes: Readonly<Record<ElementType, number>> = { float32: 4, float16: 2, uint8: 1, int32: 4, int64: 8 }

/** The tensors of a batch, in the order in which binary formats carry them. */
export function tensorsOf (batch: Batch): WireTensor[] {
  const { images, dtype, stored, labels, ids, mask } = batch
  const small = isWhole(batch) ? made : toBeMade
  return [
    { ...described('images', images, dtype), part: stored ? bytesOf(images.data) : () => imagePieces(batch) },
    small('labels', labels, labels.shape.length === 2 ? 'float32' : 'int64'),
    // Slices are gathered by them, so they are there anyway.
    made('ids', ids, 'int32'),
    ...(mask ? [small('mask', mask, 'uint8')] : [])
  ]
}

function * imagePieces (batch: Batch): Generator<Uint8Array> {
  for (const { images } of slices(batch)) yield bytesOf(images.data)
}

function made (name: string, tensor: Tensor, dtype: ElementType): WireTensor {
  return { ...described(name, tensor, dtype), part: bytesOf(tensor.data) }
}

function toBeMade (name: string, tensor: Tensor, dtype: ElementType): WireTensor {
  return { ...described(name, tensor, dtype), part: () => [bytesOf(tensor.data)] }
}

function described (name: string, { shape }: Tensor, dtype: ElementType): Omit<WireTensor, 'part'> {
  return { name, shape, dtype, bytes: elements(shape) * sizes[dtype] }
}
