import { valueCount } from '../dataset/image-shape.ts'
import { shuffledOrderInSlices } from '../dataset/order.ts'
import type { RawDataset, Samples, SplitName } from '../dataset/sample-splits.ts'
import type { SplitSettings } from '../dataset/settings.ts'
import { ServiceError } from '../errors.ts'
import { allocateRows } from '../memory/row-memory.ts'
import { inTimeSlices } from '../scheduling/event-loop.ts'

/** Positions of samples among the original training samples. */
export interface Partition {
  readonly train: Uint32Array
  readonly val: Uint32Array
}

/** Bytes copied at a time: a fraction of a millisecond of work. */
const STEP_BYTES = 1 << 19

/**
 * Divides the training samples into `train` and `val`. Of n samples, `val` gets ⌈valFraction·n⌉:
 * - contiguous: the last ones;
 * - shuffled: the last ones in the order of the seed and epoch 0;
 * - stratified: a proportional share of each class, the last ones in that order; largest remainders round up.
 *
 * Both splits of the latter two keep that order.
 */
export async function partition (labels: Uint8Array, settings: SplitSettings): Promise<Partition> {
  const count = labels.length
  const valCount = valSize(count, settings.valFraction)
  if (settings.mode === 'contiguous') return cut(naturalOrder(count), valCount)
  const order = await shuffledOrderInSlices(count, settings.seed, 0)
  return settings.mode === 'shuffled' ? cut(order, valCount) : stratify(order, labels, valCount)
}

function naturalOrder (count: number): Uint32Array {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  return order
}

/** Rounds off the error of binary fractions first: 0.07 of 100 is 7, although 100 * 0.07 exceeds it. */
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

/** Distributes `seats` in proportion to `sizes`. Largest remainders round up; on ties, the earlier class does. */
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

/**
 * Copies the samples of each split into memory that threads share, in time slices. A dataset's own `val` is kept.
 *
 * @throws ServiceError preparation_failed if `train` would be empty
 */
export async function splitDataset (raw: RawDataset, settings: SplitSettings): Promise<Record<SplitName, Samples>> {
  const { train, val } = raw.val
    ? { train: naturalOrder(raw.train.count), val: naturalOrder(raw.val.count) }
    : await partition(raw.train.labels, settings)
  if (train.length === 0) {
    const share = `VAL_FRACTION ${settings.valFraction} puts all ${val.length} training samples into val`
    throw new ServiceError('preparation_failed', `${share}, which leaves none to compute statistics from`)
  }
  const size = valueCount(raw.shape)
  const test = naturalOrder(raw.test.count)
  return {
    train: await select(raw.train, train, size),
    val: await select(raw.val ?? raw.train, val, size),
    test: await select(raw.test, test, size)
  }
}

/** The samples at `positions`. */
async function select (samples: Samples, positions: Uint32Array, size: number): Promise<Samples> {
  const count = positions.length
  const images = allocateRows(count * size)
  const labels = new Uint8Array(count)
  await inTimeSlices(count, Math.ceil(STEP_BYTES / size), (start, end) => {
    for (let i = start; i < end; i++) {
      const offset = positions[i]! * size
      images.set(samples.images.subarray(offset, offset + size), i * size)
      labels[i] = samples.labels[positions[i]!]!
    }
  })
  return { count, images, labels }
}
