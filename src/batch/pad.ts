import type { Codebook, ImageSize, Normalization, PreparedDataset } from '../dataset/entry.ts'
import { pool } from '../io/buffer-pool.ts'
import { codebooks } from '../dataset/split.ts'

/** The size that images are served at, and what depends on it. */
export interface Frame extends ImageSize {
  /** float32 rows·columns, 0 in the border. */
  readonly meanImage: Float32Array
  readonly codebooks: Readonly<Record<Normalization, Codebook>>
  /** Puts u8 images of the dataset's size into u8 images of this one. */
  readonly place: (images: Uint8Array) => Uint8Array
}

/** By the side asked for. Codebooks are to be the same objects for all batches, so a frame is made once. */
const known = new WeakMap<PreparedDataset, Map<number | undefined, Frame>>()

/** @param side of the square that images are padded to, at least as large as they are; undefined for none */
export function frameOf (dataset: PreparedDataset, side: number | undefined): Frame {
  let frames = known.get(dataset)
  if (!frames) known.set(dataset, frames = new Map())
  let frame = frames.get(side)
  if (!frame) frames.set(side, frame = side === undefined ? asStored(dataset) : square(dataset, side))
  return frame
}

function asStored ({ rows, columns, meanImage, codebooks }: PreparedDataset): Frame {
  return { rows, columns, meanImage, codebooks, place: images => images }
}

/** Images in the middle of a square of zeros; the odd row or column that is left over goes to the end. */
function square ({ rows, columns, meanImage }: PreparedDataset, side: number): Frame {
  const top = (side - rows) >> 1
  const left = (side - columns) >> 1

  function fill<Pixels extends Uint8Array | Float32Array> (images: Pixels, target: Pixels): Pixels {
    const count = images.length / (rows * columns)
    for (let image = 0; image < count; image++) {
      for (let row = 0; row < rows; row++) {
        const from = (image * rows + row) * columns
        const to = (image * side + top + row) * side + left
        // Rows are too short for `set` to pay.
        for (let column = 0; column < columns; column++) target[to + column] = images[from + column]!
      }
    }
    return target
  }

  return {
    rows: side,
    columns: side,
    meanImage: fill(meanImage, new Float32Array(side * side)),
    codebooks: codebooks(side * side),
    place: images => fill(images, pool.take(Uint8Array, images.length / (rows * columns) * side * side).fill(0))
  }
}
