import type { Batch, ElementType, Tensor } from '../batch/batch.ts'
import type { Part } from './body.ts'
import { asBytes } from '../io/bytes.ts'
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
  const { images, stored, labels, ids, mask } = batch
  const small = isWhole(batch) ? made : toBeMade
  return [
    { ...described('images', images), part: stored ? asBytes(images.data) : () => imagePieces(batch) },
    small('labels', labels),
    // Slices are gathered by them, so they are there anyway.
    made('ids', ids),
    ...(mask ? [small('mask', mask)] : [])
  ]
}

function * imagePieces (batch: Batch): Generator<Uint8Array> {
  for (const { images } of slices(batch)) yield asBytes(images.data)
}

function made (name: string, tensor: Tensor): WireTensor {
  return { ...described(name, tensor), part: asBytes(tensor.data) }
}

function toBeMade (name: string, tensor: Tensor): WireTensor {
  return { ...described(name, tensor), part: () => [asBytes(tensor.data)] }
}

function described (name: string, { shape, dtype }: Tensor): Omit<WireTensor, 'part'> {
  return { name, shape, dtype, bytes: elements(shape) * sizes[dtype] }
}
