import { planeSize, type ImageShape } from '../dataset/image-shape.ts'
import { randomSource } from './random-source.ts'

/** Images that the components are fitted to, at most: enough for the main directions of at most 784 pixels. */
const MAX_FITTED = 10_000

/** Of orthogonal iteration: the components need to span the main directions, not to be exact. */
const ITERATIONS = 30

export interface Components {
  /** float64 [size]. */
  readonly mean: Float64Array
  /** float64 [dimensions, size]: orthonormal rows, the one of the largest variance first. */
  readonly axes: Float64Array
  readonly dimensions: number
}

/** The principal components of images, by orthogonal iteration on the covariance matrix of some of them. */
export function fitComponents (images: Images, maxDimensions: number): Components {
  const { size } = images
  const dimensions = Math.min(maxDimensions, size)
  const { mean, covariance } = measure(images)
  const random = randomSource(1)
  let axes = Float64Array.from({ length: dimensions * size }, () => random() / 2 ** 31 - 1)
  orthonormalize(axes, dimensions, size)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    axes = multiply(axes, covariance, dimensions, size)
    orthonormalize(axes, dimensions, size)
  }
  return { mean, axes, dimensions }
}

/** float32 [count, dimensions]: images in the space of the components, where a pixel of 255 is 1. */
export function project (
  { pixels, count, size }: Images,
  { mean, axes, dimensions }: Components,
  projected: Float32Array
): void {
  const offsets = new Float64Array(dimensions)
  // By pixels, so that one that is 0 costs nothing.
  const byPixel = new Float64Array(dimensions * size)
  for (let d = 0; d < dimensions; d++) {
    for (let pixel = 0; pixel < size; pixel++) {
      const value = axes[d * size + pixel]!
      byPixel[pixel * dimensions + d] = value / 255
      offsets[d]! -= mean[pixel]! / 255 * value
    }
  }
  const sums = new Float64Array(dimensions)
  for (let i = 0; i < count; i++) {
    sums.set(offsets)
    for (let pixel = 0; pixel < size; pixel++) {
      const level = pixels[i * size + pixel]!
      if (level === 0) continue
      for (let d = 0, at = pixel * dimensions; d < dimensions; d++, at++) sums[d]! += level * byPixel[at]!
    }
    projected.set(sums, i * dimensions)
  }
}

/** The mean image, and the covariance of each pair of pixels, of images at regular intervals. */
function measure ({ pixels, count, size }: Images) {
  const mean = new Float64Array(size)
  const covariance = new Float64Array(size * size)
  const step = Math.max(1, Math.ceil(count / MAX_FITTED))
  const fitted = Math.max(1, Math.ceil(count / step))
  const lit = new Int32Array(size)
  for (let i = 0; i < count; i += step) {
    let n = 0
    for (let pixel = 0; pixel < size; pixel++) if (pixels[i * size + pixel] !== 0) lit[n++] = pixel
    for (let a = 0; a < n; a++) {
      const row = lit[a]!
      const level = pixels[i * size + row]!
      mean[row]! += level
      for (let b = 0; b <= a; b++) covariance[row * size + lit[b]!]! += level * pixels[i * size + lit[b]!]!
    }
  }
  for (let pixel = 0; pixel < size; pixel++) mean[pixel]! /= fitted
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const value = covariance[row * size + column]! / fitted - mean[row]! * mean[column]!
      covariance[row * size + column] = value
      covariance[column * size + row] = value
    }
  }
  return { mean, covariance }
}

/** Each row times a symmetric matrix. */
function multiply (rows: Float64Array, matrix: Float64Array, count: number, size: number): Float64Array<ArrayBuffer> {
  const product = new Float64Array(count * size)
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let j = 0; j < size; j++) sum += rows[row * size + j]! * matrix[i * size + j]!
      product[row * size + i] = sum
    }
  }
  return product
}

/** Gram–Schmidt. A row that depends on those before it becomes 0. */
function orthonormalize (rows: Float64Array, count: number, size: number): void {
  for (let row = 0; row < count; row++) {
    const current = rows.subarray(row * size, (row + 1) * size)
    const before = Math.sqrt(dot(current, current))
    for (let other = 0; other < row; other++) {
      const basis = rows.subarray(other * size, (other + 1) * size)
      const share = dot(current, basis)
      for (let i = 0; i < size; i++) current[i]! -= share * basis[i]!
    }
    const length = Math.sqrt(dot(current, current))
    const scale = length > 1e-9 * before ? 1 / length : 0
    for (let i = 0; i < size; i++) current[i]! *= scale
  }
}

function dot (a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

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
