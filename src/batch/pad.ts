import { planeSize, type ImageShape } from '../dataset/image-shape.ts'

/** The shape of images after padding to a square of side `pad`; undefined leaves them as they are. */
export function paddedShape (shape: ImageShape, pad: number | undefined): ImageShape {
  return pad === undefined ? shape : { ...shape, rows: pad, columns: pad }
}

/**
 * Copies an image into the middle of a larger one of zeros. An odd row or column of the border goes to the end.
 *
 * @param from offset of the image in `source`
 * @param to offset of the padded image in `target`
 */
export function padImage<Pixels extends Uint8Array | Float32Array> (
  source: Pixels,
  from: number,
  shape: ImageShape,
  target: Pixels,
  to: number,
  padded: ImageShape
): void {
  const { channels, rows, columns } = shape
  const top = (padded.rows - rows) >> 1
  const left = (padded.columns - columns) >> 1
  for (let channel = 0; channel < channels; channel++) {
    const plane = from + channel * planeSize(shape)
    const first = to + channel * planeSize(padded) + top * padded.columns + left
    for (let row = 0; row < rows; row++) {
      const start = first + row * padded.columns
      // Rows are too short for `set` to be faster.
      for (let column = 0; column < columns; column++) target[start + column] = source[plane + row * columns + column]!
    }
  }
}
