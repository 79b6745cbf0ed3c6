/** Rows and columns of shrunk images, at most. */
const MAX_SIDE = 28

export interface Images {
  /** u8 count·rows·columns. */
  readonly pixels: Uint8Array
  readonly count: number
  readonly rows: number
  readonly columns: number
}

/** Images of at most 28×28 pixels: those of larger ones are averages of blocks, rounded. Small ones are not copied. */
export function shrink ({ pixels, count, rows, columns }: Images): Images {
  const height = Math.min(rows, MAX_SIDE)
  const width = Math.min(columns, MAX_SIDE)
  if (height === rows && width === columns) return { pixels, count, rows, columns }
  const shrunk = new Uint8Array(count * height * width)
  for (let i = 0, at = 0; i < count; i++) {
    const image = i * rows * columns
    for (let row = 0; row < height; row++) {
      const [top, bottom] = [Math.floor(row * rows / height), Math.floor((row + 1) * rows / height)]
      for (let column = 0; column < width; column++) {
        const left = Math.floor(column * columns / width)
        const right = Math.floor((column + 1) * columns / width)
        let sum = 0
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) sum += pixels[image + y * columns + x]!
        }
        shrunk[at++] = Math.round(sum / ((bottom - top) * (right - left)))
      }
    }
  }
  return { pixels: shrunk, count, rows: height, columns: width }
}
