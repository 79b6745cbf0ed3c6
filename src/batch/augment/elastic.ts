import type { ImageSize } from '../../dataset/sample-splits.ts'
import { words, type Words } from './random.ts'

/** The displacement of each pixel: int32 rows·columns per axis, in multiples of `unit` pixels. */
export interface Displacements {
  readonly columns: Int32Array
  readonly rows: Int32Array
  readonly unit: number
}

/**
 * Widths of moving averages that together approximate a Gaussian of σ = 4 (Wells 1986): their variance is
 * (5² + 7² + 11² − 3)/12 = 4². Sums of integers are exact in any order; a table of exponentials would not be.
 */
const WIDTHS = [5, 7, 11] as const

/** Pixels to each side that the windows cover together. */
const REACH = 10

/** The factor by which the windows multiply a constant field, along both axes. */
const GAIN = (5 * 7 * 11) ** 2

/**
 * Elastic distortion (Simard, Steinkraus, Platt 2003: Best Practices for Convolutional Neural Networks, §2): a field of
 * uniform displacements between −1 and 1 for each axis, 0 outside the image, is smoothed by a Gaussian of σ = 4 pixels
 * and multiplied by α. For MNIST the paper uses σ = 4 and α = 34, which displaces pixels by 1.4 along each axis (one
 * standard deviation).
 *
 * The highest 12 bits h of a pixel's word give the displacement along columns, the lowest 12 along rows. As integers
 * 2h − 4095 they are summed under the three windows, along rows and along columns, which keeps them below 2³¹, and
 * multiplied by α/(4096·385²).
 *
 * @returns computes the displacements of a sample, in memory that the next call overwrites
 */
export function elasticField ({ rows, columns }: ImageSize, alpha: number): (word: Words) => Displacements {
  const size = rows * columns
  const field = { columns: new Int32Array(size), rows: new Int32Array(size), unit: alpha / (4096 * GAIN) }
  const line = new Int32Array(Math.max(rows, columns) + 2 * REACH)

  return word => {
    for (let pixel = 0; pixel < size; pixel++) {
      const bits = word(words.elastic + pixel)
      field.columns[pixel] = 2 * (bits >>> 20) - 4095
      field.rows[pixel] = 2 * (bits & 0xfff) - 4095
    }
    for (const values of [field.columns, field.rows]) {
      for (let row = 0; row < rows; row++) smooth(values, row * columns, 1, columns, line)
      for (let column = 0; column < columns; column++) smooth(values, column, columns, rows, line)
    }
    return field
  }
}

/** Replaces `length` values, from `start` and `step` apart, by their sums under one window after the other. */
function smooth (values: Int32Array, start: number, step: number, length: number, line: Int32Array): void {
  line.fill(0)
  for (let i = 0; i < length; i++) line[REACH + i] = values[start + i * step]!
  let count = length + 2 * REACH
  for (const width of WIDTHS) {
    let sum = 0
    for (let i = 0; i < width - 1; i++) sum += line[i]!
    count -= width - 1
    for (let i = 0; i < count; i++) {
      sum += line[i + width - 1]!
      const leaving = line[i]!
      line[i] = sum
      sum -= leaving
    }
  }
  for (let i = 0; i < length; i++) values[start + i * step] = line[i]!
}
