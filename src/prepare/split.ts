import type { SplitSettings } from '../dataset/settings.ts'
import type { RawDataset, Samples, SplitName } from '../dataset/splits.ts'
import { shuffledOrder } from '../dataset/order.ts'

/** Positions of samples among the training samples of the original files. */
export interface Partition {
  readonly train: Uint32Array
  readonly val: Uint32Array
}

/**
 * Cuts the training samples into `train` and `val`. `val` gets ⌈valFraction·n⌉ of n samples:
 * - contiguous: the last ones;
 * - shuffled: the last ones of the order of (seed, epoch 0);
 * - stratified: of each class its share, the last ones in that order; shares are rounded by largest remainder.
 *
 * Both parts of the latter two keep that order.
 */
export function partition (labels: Uint8Array, settings: SplitSettings): Partition {
  const count = labels.length
  const valCount = valSize(count, settings.valFraction)
  if (settings.mode === 'contiguous') return cut(Uint32Array.from(labels, (_, i) => i), valCount)
  const order = shuffledOrder(count, settings.seed, 0)
  return settings.mode === 'shuffled' ? cut(order, valCount) : stratify(order, labels, valCount)
}

/** The decimal fraction that was asked for, not the binary one nearest to it: 0.07 of 100 is 7. */
function valSize (count: number, fraction: number): number {
  return Math.ceil(Number((count * fraction).toFixed(6)))
}

function cut (order: Uint32Array, valCount: number): Partition {
  const trainCount = order.length - valCount
  return { train: order.subarray(0, trainCount), val: order.subarray(trainCount) }
}

function stratify (order: Uint32Array, labels: Uint8Array, valCount: number): Partition {
  const trainLeft = classCounts(labels)
  const shares = largestRemainder(trainLeft, valCount)
  trainLeft.forEach((total, label) => { trainLeft[label] = total - shares[label]! })
  const train = new Uint32Array(order.length - valCount)
  const val = new Uint32Array(valCount)
  let trained = 0
  let validated = 0
  for (const i of order) {
    if (trainLeft[labels[i]!]!-- > 0) train[trained++] = i
    else val[validated++] = i
  }
  return { train, val }
}

function classCounts (labels: Uint8Array): number[] {
  const counts: number[] = new Array(256).fill(0)
  for (const label of labels) counts[label]!++
  return counts
}

/** Shares `seats` in proportion to `sizes`; what rounding down leaves goes to the largest remainders, earlier classes first. */
function largestRemainder (sizes: readonly number[], seats: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const shares = sizes.map(size => Math.floor(size * seats / total))
  const left = seats - shares.reduce((sum, share) => sum + share, 0)
  sizes
    .map((size, label) => ({ label, remainder: (size * seats) % total }))
    .sort((a, b) => b.remainder - a.remainder || a.label - b.label)
    .slice(0, left)
    .forEach(({ label }) => { shares[label]!++ })
  return shares
}

/** The three splits of a dataset, samples in their order. */
export function splitDataset (raw: RawDataset, settings: SplitSettings): Record<SplitName, Samples> {
  const { train, val } = partition(raw.train.labels, settings)
  const size = raw.rows * raw.columns
  return { train: select(raw.train, train, size), val: select(raw.train, val, size), test: raw.test }
}

/** The samples at `positions`: a view where they stand in a row, a copy otherwise. */
function select (samples: Samples, positions: Uint32Array, size: number): Samples {
  const count = positions.length
  const start = positions[0] ?? 0
  if (positions.every((position, i) => position === start + i)) {
    return {
      count,
      images: samples.images.subarray(start * size, (start + count) * size),
      labels: samples.labels.subarray(start, start + count)
    }
  }
  const images = new Uint8Array(count * size)
  positions.forEach((position, i) => images.set(samples.images.subarray(position * size, (position + 1) * size), i * size))
  return { count, images, labels: Uint8Array.from(positions, position => samples.labels[position]!) }
}
