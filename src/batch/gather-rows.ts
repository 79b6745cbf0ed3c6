import { valueCount, type ImageShape } from '../dataset/image-shape.ts'
import { placeImage, type Placement } from './pad.ts'
import type { TensorData } from './tensor.ts'

/** `count` positions of rows: those of `ids` from `start` on, or without `ids` the consecutive ones from `start` on. */
export interface Positions {
  readonly start: number
  readonly count: number
  readonly ids?: Uint32Array | undefined
}

/** The positions from `from` up to but not including `to` of these. */
export function slicePositions ({ start, ids }: Positions, from: number, to: number): Positions {
  return { start: start + from, count: to - from, ids }
}

/** Consecutive rows of `length` elements, as a view. */
export function viewRows<Rows extends TensorData> (rows: Rows, length: number, { start, count }: Positions): Rows {
  return rows.subarray(start * length, (start + count) * length) as Rows
}

/**
 * Copies rows of `length` elements.
 *
 * @param rows all rows, back to back
 * @param target room for `count` rows
 */
export function gatherRows<Rows extends Uint8Array | Float32Array> (
  rows: Rows,
  length: number,
  { start, count, ids }: Positions,
  target: Rows
): void {
  if (!ids) {
    target.set(viewRows(rows, length, { start, count }))
    return
  }
  for (let i = 0; i < count; i++) {
    const from = ids[start + i]! * length
    target.set(rows.subarray(from, from + length), i * length)
  }
}

/**
 * Copies u8 images into images of a larger size or another order of values.
 *
 * @param target room for `count` images
 */
export function gatherPlaced (
  images: Uint8Array,
  shape: ImageShape,
  { start, count, ids }: Positions,
  target: Uint8Array,
  placement: Placement
): void {
  const length = valueCount(shape)
  const placedLength = valueCount(placement.padded)
  target.fill(0)
  for (let i = 0; i < count; i++) {
    placeImage(images, (ids ? ids[start + i]! : start + i) * length, shape, target, i * placedLength, placement)
  }
}
