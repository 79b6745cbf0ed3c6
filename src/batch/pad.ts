import type { ImageSize } from '../dataset/sample-splits.ts'

/** The size of images after padding to a square of side `pad`; undefined leaves them as they are. */
export function paddedSize ({ rows, columns }: ImageSize, pad: number | undefined): ImageSize {
  return pad === undefined ? { rows, columns } : { rows: pad, columns: pad }
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
  { rows, columns }: ImageSize,
  target: Pixels,
  to: number,
  padded: ImageSize
): void {
  const top = (padded.rows - rows) >> 1
  const left = (padded.columns - columns) >> 1
  for (let row = 0; row < rows; row++) {
    const start = to + (top + row) * padded.columns + left
    // Rows are too short for `set` to be faster.
    for (let column = 0; column < columns; column++) target[start + column] = source[from + row * columns + column]!
  }
}
