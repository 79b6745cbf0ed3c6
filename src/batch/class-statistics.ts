import type { PreparedDataset } from '../dataset/prepared.ts'
import type { SplitName } from '../dataset/sample-splits.ts'
import { inTimeSlices } from '../io/event-loop.ts'

/** The pixels of one class, in units of full scale. */
export interface ClassStatistics {
  /** float64 rows·columns. */
  readonly mean: Float64Array
  /** float64 rows·columns: the population variance. */
  readonly variance: Float64Array
}

export interface SplitStatistics {
  /** How many pixels of all images have each of the 256 levels. */
  readonly levels: readonly number[]
  /** In the order of the labels. */
  readonly classes: readonly ClassStatistics[]
}

/** Pixels counted at a time: a fraction of a millisecond of work. */
const STEP_PIXELS = 1 << 16

const computed = new WeakMap<PreparedDataset, Map<SplitName, Promise<SplitStatistics>>>()

/** Statistics of a split, computed once, in time slices between which other requests are served. */
export function splitStatistics (dataset: PreparedDataset, split: SplitName): Promise<SplitStatistics> {
  let ofDataset = computed.get(dataset)
  if (!ofDataset) computed.set(dataset, ofDataset = new Map())
  let statistics = ofDataset.get(split)
  if (!statistics) ofDataset.set(split, statistics = computeStatistics(dataset, split))
  return statistics
}

async function computeStatistics (
  { entry, rows, columns, splits }: PreparedDataset,
  split: SplitName
): Promise<SplitStatistics> {
  const { images, labels, count, histogram } = splits[split]
  const size = rows * columns
  const levels = new Float64Array(256)
  // Integers, so that their sums are exact.
  const sums = entry.classes.map(() => new Float64Array(size))
  const squares = entry.classes.map(() => new Float64Array(size))
  await inTimeSlices(count, Math.max(1, Math.floor(STEP_PIXELS / size)), (start, end) => {
    for (let i = start; i < end; i++) {
      const sum = sums[labels[i]!]!
      const square = squares[labels[i]!]!
      for (let pixel = 0, from = i * size; pixel < size; pixel++) {
        const level = images[from + pixel]!
        levels[level]!++
        sum[pixel]! += level
        square[pixel]! += level * level
      }
    }
  })
  return {
    levels: [...levels],
    classes: sums.map((sum, label) => {
      const n = Math.max(1, histogram[label]!)
      return {
        mean: sum.map(total => total / n / 255),
        variance: squares[label]!.map((total, pixel) => (total / n - (sum[pixel]! / n) ** 2) / 255 ** 2)
      }
    })
  }
}
