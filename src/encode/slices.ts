import type { Batch } from '../dataset.ts'

/** Numbers in the images of a slice, at most: 1 MiB of float32, which 256 images of MNIST fit in, padded or not. */
const NUMBERS = 1 << 18

/** A batch in slices that are small enough to be made in one go: itself if it is, else each when it is asked for. */
export function * slices (batch: Batch): Generator<Batch> {
  const [count, ...shape] = batch.images.shape as [number, ...number[]]
  const most = Math.max(1, Math.floor(NUMBERS / shape.reduce((product, length) => product * length, 1)))
  if (count <= most) return yield batch
  for (let start = 0; start < count; start += most) yield batch.slice(start, Math.min(start + most, count))
}
