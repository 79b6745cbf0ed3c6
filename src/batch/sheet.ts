import { valueCount, type ImageShape } from '../dataset/image-shape.ts'
import type { Batch } from './batch.ts'
import { paddedShape } from './pad.ts'

/** The images of a batch in one picture, row by row from the top left; the rest of the last row is black. */
export interface Sheet {
  readonly shape: ImageShape
  /** u8 rows·columns·channels. */
  readonly pixels: Uint8Array
}

/** The shape of a sheet of `count` images. An empty one has room for a row, since no picture has no pixels. */
export function sheetShape ({ channels, rows, columns }: ImageShape, count: number, perRow: number): ImageShape {
  return { channels, rows: Math.max(1, Math.ceil(count / perRow)) * rows, columns: perRow * columns }
}

/**
 * @param batch of images whose layout is `nhwc`
 * @param image shape of the images in the dataset
 * @param perRow images in a row
 */
export function drawSheet (batch: Batch, image: ImageShape, pad: number | undefined, perRow: number): Sheet {
  const padded = paddedShape(image, pad)
  const size = valueCount(padded)
  const width = size / padded.rows
  const count = batch.ids.shape[0]!
  const shape = sheetShape(padded, count, perRow)
  const pixels = new Uint8Array(valueCount(shape))
  const images = new Uint8Array(perRow * size)
  for (let start = 0; start < count; start += perRow) {
    const end = Math.min(start + perRow, count)
    batch.copyPixels(start, end, images.subarray(0, (end - start) * size))
    const top = start * size
    for (let i = 0; i < end - start; i++) {
      for (let row = 0; row < padded.rows; row++) {
        const from = i * size + row * width
        pixels.set(images.subarray(from, from + width), top + (row * perRow + i) * width)
      }
    }
  }
  return { shape, pixels }
}
