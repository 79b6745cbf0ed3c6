import type { Batch } from '../batch/batch.ts'
import { elements } from './shape.ts'

/** Numbers that images may have to be made in one go: 1 MiB of float32, which 256 images of MNIST are, padded or not. */
const SMALL = 1 << 18

/** Numbers in the images of a slice, at most: what a reader who is slow holds, after what was made at first. */
const SLICE = 1 << 15

/** Whether it does no harm to hold all of it for each of many readers. */
export function isSmall ({ images: { shape } }: Batch): boolean {
  return elements(shape) <= SMALL
}

/** Whether there is nothing to be gained from slices. */
export function isWhole (batch: Batch): boolean {
  return batch.stored || isSmall(batch)
}

/** A batch in slices, each made when it is asked for; itself if it is stored, or not large. */
export function * slices (batch: Batch): Generator<Batch> {
  if (isWhole(batch)) return yield batch
  const [count, ...shape] = batch.images.shape as [number, ...number[]]
  const most = Math.max(1, Math.floor(SLICE / elements(shape)))
  for (let start = 0; start < count; start += most) yield batch.slice(start, Math.min(start + most, count))
}
