import type { ImageSize } from '../../dataset/sample-splits.ts'
import type { Augmentations } from './augmentations.ts'
import type { Displacements } from './elastic.ts'
import { signed, words, type Words } from './random.ts'

/** Maps pixels of the result to the source, where the source is rotated and scaled about its centre, then shifted. */
export interface Affine {
  /** cos θ / s and sin θ / s. */
  readonly cos: number
  readonly sin: number
  /** The shift, in pixels. */
  readonly columns: number
  readonly rows: number
}

/** The transform of one sample: angle, scale and shift are uniform between plus and minus their strength. */
export function affineTransform ({ rotate = 0, shift = 0, scale = 0 }: Augmentations, word: Words): Affine {
  const angle = rotate * signed(word(words.rotate)) * RADIANS
  const size = 1 + scale * signed(word(words.scale))
  return {
    cos: cosine(angle) / size,
    sin: sine(angle) / size,
    columns: shift * signed(word(words.shiftColumns)),
    rows: shift * signed(word(words.shiftRows))
  }
}

const RADIANS = Math.PI / 180

/**
 * Taylor polynomials for angles up to 45°, accurate to 11 digits. `Math.sin` and `Math.cos` may differ in the last bit
 * between engines; these cannot, since IEEE 754 defines the result of each operation.
 */
export function sine (x: number): number {
  const y = x * x
  return x * (1 - y / 6 * (1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110)))))
}

export function cosine (x: number): number {
  const y = x * x
  return 1 - y / 2 * (1 - y / 12 * (1 - y / 30 * (1 - y / 56 * (1 - y / 90 * (1 - y / 132)))))
}

/** Resamples a u8 image into `target`. */
export type Resample = (
  source: Uint8Array,
  target: Uint8Array,
  affine: Affine,
  elastic: Displacements | undefined
) => void

/**
 * Returns the function that resamples u8 images of one size, for all geometric augmentations at once, so that pixels
 * are interpolated only once. With c and r the centre's column and row, (j, i) a pixel of the result and (dx, dy) its
 * elastic displacement, in float64, from left to right:
 *
 *     u = j − c − shift's columns        x = (cos·u + sin·v) + c + dx
 *     v = i − r − shift's rows           y = (cos·v − sin·u) + r + dy
 *
 * x and y are rounded to 1/256 pixel, half up. The four surrounding pixels are weighted in integers (bilinear), and the
 * sum is rounded half up. Pixels outside the image are 0. No step depends on the engine or the machine.
 */
export function resampler ({ rows, columns }: ImageSize): Resample {
  // The source with a border of zeros, so that every pixel has four neighbours.
  const stride = columns + 2
  const framed = new Uint8Array((rows + 2) * stride)
  const centreColumn = (columns - 1) / 2
  const centreRow = (rows - 1) / 2

  return (source, target, { cos, sin, columns: right, rows: down }, elastic) => {
    for (let row = 0; row < rows; row++) {
      framed.set(source.subarray(row * columns, (row + 1) * columns), (row + 1) * stride + 1)
    }
    for (let row = 0, pixel = 0; row < rows; row++) {
      const v = row - centreRow - down
      for (let column = 0; column < columns; column++, pixel++) {
        const u = column - centreColumn - right
        let x = cos * u + sin * v + centreColumn
        let y = cos * v - sin * u + centreRow
        if (elastic) {
          x += elastic.unit * elastic.columns[pixel]!
          y += elastic.unit * elastic.rows[pixel]!
        }
        target[pixel] = interpolate(Math.floor(256 * x + 0.5), Math.floor(256 * y + 0.5))
      }
    }
  }

  /** @param x column and @param y row in the source, in 1/256 pixel */
  function interpolate (x: number, y: number): number {
    const column = x >> 8
    const row = y >> 8
    if (column < -1 || column >= columns || row < -1 || row >= rows) return 0
    const at = (row + 1) * stride + column + 1
    const right = x & 255
    const down = y & 255
    const upper = (256 - right) * framed[at]! + right * framed[at + 1]!
    const lower = (256 - right) * framed[at + stride]! + right * framed[at + stride + 1]!
    return ((256 - down) * upper + down * lower + 0x8000) >> 16
  }
}
