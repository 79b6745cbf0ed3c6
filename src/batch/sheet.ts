import { planeSize, type ImageShape, type PlaneSize } from '../dataset/image-shape.ts'
import type { Batch } from './batch.ts'
import { paddedShape } from './pad.ts'

/** The images of a batch in one picture, row by row from the top left; the rest of the last row is black. */
export interface Sheet extends PlaneSize {
  /** u8 rows·columns. */
  readonly pixels: Uint8Array
}

/** The size of a sheet of `count` images. An empty one has room for a row, since no picture has no pixels. */
export function sheetSize (image: PlaneSize, count: number, perRow: number): PlaneSize {
  return { rows: Math.max(1, Math.ceil(count / perRow)) * image.rows, columns: perRow * image.columns }
}

/**
 * @param image shape of the images in the dataset
 * @param perRow images in a row
 */
export function drawSheet (batch: Batch, image: ImageShape, pad: number | undefined, perRow: number): Sheet {
  const { rows, columns } = paddedShape(image, pad)
  const count = batch.ids.shape[0]!
  const size = sheetSize({ rows, columns }, count, perRow)
  const pixels = new Uint8Array(planeSize(size))
  const images = new Uint8Array(perRow * rows * columns)
  for (let start = 0; start < count; start += perRow) {
    const end = Math.min(start + perRow, count)
    batch.copyPixels(start, end, images.subarray(0, (end - start) * rows * columns))
    const top = start / perRow * rows
    for (let i = 0; i < end - start; i++) {
      for (let row = 0; row < rows; row++) {
        const from = (i * rows + row) * columns
        pixels.set(images.subarray(from, from + columns), (top + row) * size.columns + i * columns)
      }
    }
  }
  return { ...size, pixels }
}
