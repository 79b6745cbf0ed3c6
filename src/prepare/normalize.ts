import { tf, values } from './tensor.ts'

/** Whole-number sums of n images: they add up without rounding, over any parts. */
export interface PixelSums {
  readonly count: number
  /** float64 of a picture's pixels: Σ x of each. */
  readonly sums: Float64Array
  /** Σ x² over all pixels. */
  readonly squares: number
}

/** The most rows whose sum of squares stays below 2²⁴, where float32 still holds every integer: 256·255² < 2²⁴. */
const SUM_ROWS = 256

/** Sums n images of `size` u8 pixels. */
export function sumPixels (images: Uint8Array, size: number): PixelSums {
  const count = images.length / size
  const sums = new Float64Array(size)
  let squares = 0
  for (let row = 0; row < count; row += SUM_ROWS) {
    const part = images.subarray(row * size, (row + SUM_ROWS) * size)
    const x = tf.tensor2d(new Float32Array(part), [part.length / size, size])
    const sum = values(() => tf.sum(x, 0))
    const sumOfSquares = values(() => tf.sum(tf.square(x), 0))
    x.dispose()
    for (let pixel = 0; pixel < size; pixel++) {
      sums[pixel]! += sum[pixel]!
      squares += sumOfSquares[pixel]!
    }
  }
  return { count, sums, squares }
}

export function addSums (a: PixelSums, b: PixelSums): PixelSums {
  return { count: a.count + b.count, sums: a.sums.map((sum, pixel) => sum + b.sums[pixel]!), squares: a.squares + b.squares }
}

/** The mean image in units of full scale: float32(Σx / (255·n)), the quotient taken in float64. */
export function meanImage ({ count, sums }: PixelSums): Float32Array {
  return Float32Array.from(sums, sum => sum / (255 * count))
}

/**
 * Mean and population standard deviation of all pixels, in units of full scale, in float64:
 * with N pixels, Σx/(255·N) and √(Σx²/N − (Σx/N)²)/255. Zeros where there are none.
 */
export function pixelStatistics ({ count, sums, squares }: PixelSums): { mean: number, std: number } {
  const pixels = count * sums.length
  if (pixels === 0) return { mean: 0, std: 0 }
  const sum = sums.reduce((total, value) => total + value, 0)
  const level = sum / pixels
  return { mean: sum / (255 * pixels), std: Math.sqrt(Math.max(0, squares / pixels - level * level)) / 255 }
}

/** x/255 − mean image, for n images of u8 pixels: float32 of the same length. */
export function center (images: Uint8Array, mean: Float32Array): Float32Array {
  return values(() => {
    const x = tf.tensor2d(new Float32Array(images), [images.length / mean.length, mean.length])
    return tf.sub(tf.div(x, 255), tf.tensor1d(mean))
  })
}

/** What each of the 256 pixel levels becomes where the position does not matter: x/255, and (x/255 − μ)/σ. */
export function levelTables ({ mean, std }: { mean: number, std: number }): { unit: Float32Array, standard: Float32Array } {
  const unit = (): tf.Tensor => tf.div(tf.range(0, 256), 255)
  return { unit: values(unit), standard: values(() => tf.div(tf.sub(unit(), mean), std)) }
}
