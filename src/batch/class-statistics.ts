import { planeSize, valueCount } from '../dataset/image-shape.ts'
import type { PreparedDataset } from '../dataset/prepared.ts'
import type { SplitName } from '../dataset/sample-splits.ts'

/** The pixels of one class, in units of full scale. */
export interface ClassStatistics {
  /** float64 channels·rows·columns. */
  readonly mean: Float64Array
  /** float64 channels·rows·columns: the population variance. */
  readonly variance: Float64Array
}

/** Pixels counted at a time: a fraction of a millisecond of work. */
const STEP_PIXELS = 1 << 16

/**
 * The mean and variance image of the samples with this label, zeros if there are none.
 *
 * @param levels float64 [channels·256], to which the number of pixels with each level is added
 * @yields whenever the consumer may do something else
 */
export function * classStatistics (
  { shape, splits }: PreparedDataset,
  split: SplitName,
  label: number,
  levels: Float64Array
): Generator<undefined, ClassStatistics> {
  const { images, labels, count, histogram } = splits[split]
  const size = valueCount(shape)
  const plane = planeSize(shape)
  // Integers, so that their sums are exact.
  const sums = new Float64Array(size)
  const squares = new Float64Array(size)
  let pixels = 0
  for (let i = 0; i < count; i++) {
    if (labels[i] !== label) continue
    for (let from = 0, end = 0; from < size; from = end) {
      const channel = Math.floor(from / plane)
      end = Math.min(from + STEP_PIXELS, (channel + 1) * plane)
      const levelCounts = levels.subarray(256 * channel, 256 * (channel + 1))
      for (let pixel = from, at = i * size + from; pixel < end; pixel++, at++) {
        const level = images[at]!
        levelCounts[level]!++
        sums[pixel]! += level
        squares[pixel]! += level * level
      }
      if ((pixels += end - from) < STEP_PIXELS) continue
      yield
      pixels = 0
    }
  }
  const n = Math.max(1, histogram[label]!)
  for (let pixel = 0; pixel < size; pixel++) {
    const mean = sums[pixel]! / n
    sums[pixel] = mean / 255
    squares[pixel] = (squares[pixel]! / n - mean ** 2) / 255 ** 2
  }
  return { mean: sums, variance: squares }
}
