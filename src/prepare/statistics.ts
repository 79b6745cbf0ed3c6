import { planeSize, valueCount, type ImageShape } from '../dataset/image-shape.ts'
import type { ChannelStatistics, PreparedDataset } from '../dataset/prepared.ts'
import { tf, values } from './tensorflow.ts'

/** Integer sums over the pixels of `count` images. They add up exactly, in any order and over any chunks. */
export interface PixelSums {
  readonly count: number
  /** Σx of each value of an image: float64 of channels·rows·columns. */
  readonly sums: Float64Array
  /** Σx² over all pixels of all images: float64 of channels. */
  readonly squares: Float64Array
}

/** The most images whose Σx² stays below 2²⁴, where float32 represents every integer: 256·255² < 2²⁴. */
const MAX_SUMMED_ROWS = 256

export function emptySums (shape: ImageShape): PixelSums {
  return { count: 0, sums: new Float64Array(valueCount(shape)), squares: new Float64Array(shape.channels) }
}

/**
 * Sums u8 images with TensorFlow.js, exactly on every backend.
 *
 * @param images u8 n·channels·rows·columns
 */
export function sumPixels (images: Uint8Array, shape: ImageShape): PixelSums {
  const size = valueCount(shape)
  const plane = planeSize(shape)
  const count = images.length / size
  const { sums, squares } = emptySums(shape)
  for (let row = 0; row < count; row += MAX_SUMMED_ROWS) {
    const chunk = images.subarray(row * size, (row + MAX_SUMMED_ROWS) * size)
    const x = tf.tensor2d(new Float32Array(chunk), [chunk.length / size, size])
    const sum = values(() => tf.sum(x, 0))
    const sumOfSquares = values(() => tf.sum(tf.square(x), 0))
    x.dispose()
    for (let pixel = 0; pixel < size; pixel++) {
      sums[pixel]! += sum[pixel]!
      squares[Math.floor(pixel / plane)]! += sumOfSquares[pixel]!
    }
  }
  return { count, sums, squares }
}

export function addSums (a: PixelSums, b: PixelSums): PixelSums {
  return {
    count: a.count + b.count,
    sums: a.sums.map((sum, pixel) => sum + b.sums[pixel]!),
    squares: a.squares.map((sum, channel) => sum + b.squares[channel]!)
  }
}

/** The mean image in units of full scale: float32(Σx / (255·n)) from a float64 quotient. */
export function meanImage ({ count, sums }: PixelSums): Float32Array {
  return Float32Array.from(sums, sum => sum / (255 * count))
}

/**
 * Mean and population standard deviation of the pixels of each channel in units of full scale, in float64: with N
 * pixels, Σx/(255·N) and √(Σx²/N − (Σx/N)²)/255. Both are 0 without pixels.
 */
export function pixelStatistics ({ count, sums, squares }: PixelSums): ChannelStatistics {
  const plane = sums.length / squares.length
  const pixels = count * plane
  return Array.from(squares, (square, channel) => {
    if (pixels === 0) return { mean: 0, std: 0 }
    const sum = sums.subarray(channel * plane, (channel + 1) * plane).reduce((total, value) => total + value, 0)
    const level = sum / pixels
    return { mean: sum / (255 * pixels), std: Math.sqrt(Math.max(0, square / pixels - level * level)) / 255 }
  })
}

/** The values of the 256 pixel levels under `unit`, x/255, and `standard`, (x/255 − μ)/σ of each channel. */
export function levelTables (standard: ChannelStatistics): PreparedDataset['levels'] {
  const unit = (): tf.Tensor => tf.div(tf.range(0, 256), 255)
  const tables = standard.map(({ mean, std }) => values(() => tf.div(tf.sub(unit(), mean), std)))
  return { unit: values(unit), standard: Float32Array.from(tables.flatMap(table => [...table])) }
}
