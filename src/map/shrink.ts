import { planeSize, type ImageShape } from '../dataset/image-shape.ts'

/** Values of a shrunk image, at most: 28×28 gray pixels, or 16×16 in colour. */
const MAX_VALUES = 28 ** 2

export interface Images {
  /** u8 count·size. */
  readonly pixels: Uint8Array
  readonly count: number
  /** Values of an image. */
  readonly size: number
}

/** Images of few pixels: those of larger ones are averages of blocks, rounded. Small ones are not copied. */
export function shrink (pixels: Uint8Array, count: number, shape: ImageShape): Images {
  const { channels, rows, columns } = shape
  const side = Math.floor(Math.sqrt(MAX_VALUES / channels))
  const height = Math.min(rows, side)
  const width = Math.min(columns, side)
  const size = channels * height * width
  if (height === rows && width === columns) return { pixels, count, size }
  const shrunk = new Uint8Array(count * size)
  for (let plane = 0, at = 0; plane < count * channels; plane++) {
    const first = plane * planeSize(shape)
    for (let row = 0; row < height; row++) {
      const [top, bottom] = [Math.floor(row * rows / height), Math.floor((row + 1) * rows / height)]
      for (let column = 0; column < width; column++) {
        const left = Math.floor(column * columns / width)
        const right = Math.floor((column + 1) * columns / width)
        let sum = 0
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) sum += pixels[first + y * columns + x]!
        }
        shrunk[at++] = Math.round(sum / ((bottom - top) * (right - left)))
      }
    }
  }
  return { pixels: shrunk, count, size }
}
