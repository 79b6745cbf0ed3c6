import type { Duplicate, SampleReference, Suspect } from '../dataset/dataset-map.ts'
import { valueCount, type ImageShape } from '../dataset/image-shape.ts'
import { splitNames, type SplitName } from '../dataset/sample-splits.ts'
import type { Neighbours } from './nearest-neighbours.ts'

/** Listed for each split, or each pair of splits. */
const MAX_LISTED = 100

/** Pairs whose pixels are compared, and samples whose distances are, for each that is listed. */
const CANDIDATES = 4

/** Of each label, for the ratio of distances. */
const COMPARED = 3
const MAX_RATIO = 1000

/** Samples of all splits, numbered in one row. */
class AllSamples {
  readonly #input: MapInput
  readonly #starts: readonly number[]
  readonly #size: number

  constructor (input: MapInput) {
    this.#input = input
    this.#size = valueCount(input.shape)
    let start = 0
    this.#starts = splitNames.map(name => {
      const first = start
      start += input.splits[name].labels.length
      return first
    })
  }

  splitOf (i: number): number {
    const [, val, test] = this.#starts
    return i < val! ? 0 : i < test! ? 1 : 2
  }

  reference (i: number): SampleReference {
    const split = this.splitOf(i)
    const name = splitNames[split]!
    const id = i - this.#starts[split]!
    return { split: name, id, label: this.#input.splits[name].labels[id]! }
  }

  pixels (i: number): Uint8Array {
    const { split, id } = this.reference(i)
    return this.#input.splits[split].images.subarray(id * this.#size, (id + 1) * this.#size)
  }
}

/** The most similar pairs of samples, within each split and across each two. */
export function findDuplicates (input: MapInput, { k, ids, distances }: Neighbours): Duplicate[] {
  if (k === 0) return []
  const samples = new AllSamples(input)
  const count = ids.length / k
  const lengths = Float64Array.from({ length: count }, (_, i) => lengthOf(samples.pixels(i)))
  const lists = new Map<number, BestList<[number, number]>>()
  for (let i = 0; i < count; i++) {
    for (let n = 0; n < k; n++) {
      const j = ids[i * k + n]!
      // Each pair once.
      if (j < i && ids.subarray(j * k, (j + 1) * k).includes(i)) continue
      const pair = [samples.splitOf(i), samples.splitOf(j)].sort()
      const key = pair[0]! * splitNames.length + pair[1]!
      let list = lists.get(key)
      if (!list) lists.set(key, list = new BestList(MAX_LISTED * CANDIDATES))
      const length = Math.max(lengths[i]!, lengths[j]!) / 255
      list.add(length === 0 ? 0 : Math.sqrt(distances[i * k + n]!) / length, [Math.min(i, j), Math.max(i, j)])
    }
  }
  return [...lists.values()].flatMap(list => {
    const pairs = list.items.map(([i, j]): Duplicate => {
      const length = Math.max(lengths[i]!, lengths[j]!)
      const distance = length === 0 ? 0 : distanceOf(samples.pixels(i), samples.pixels(j)) / length
      return { first: samples.reference(i), second: samples.reference(j), distance: Math.round(distance * 1e4) / 1e4 }
    })
    return pairs.sort((a, b) => a.distance - b.distance).slice(0, MAX_LISTED)
  })
}

/**
 * Samples of which at least two thirds of the neighbours agree on another label. Those that look unlike all others of
 * their own come first: a sample that is merely hard to read is about as far from both.
 *
 * @param points float32 [count, dimensions]
 */
export function findSuspects (input: MapInput, points: Float32Array, { k, ids }: Neighbours): Suspect[] {
  if (k === 0) return []
  const samples = new AllSamples(input)
  const count = ids.length / k
  const labels = new Uint8Array(count)
  let start = 0
  for (const name of splitNames) {
    labels.set(input.splits[name].labels, start)
    start += input.splits[name].labels.length
  }
  const lists = splitNames.map(() => new BestList<VotedDown>(MAX_LISTED * CANDIDATES))
  const votes = new Int32Array(256)
  for (let i = 0; i < count; i++) {
    votes.fill(0)
    let suggested = labels[i]!
    for (let n = 0; n < k; n++) {
      const label = labels[ids[i * k + n]!]!
      if (++votes[label]! > votes[suggested]!) suggested = label
    }
    const most = votes[suggested]!
    const own = votes[labels[i]!]!
    if (suggested === labels[i] || 3 * most < 2 * k) continue
    lists[samples.splitOf(i)]!.add(own - most * (k + 1), { i, suggested, votes: most, own })
  }
  return lists.flatMap(({ items }) => {
    const suspects = items.map(({ i, suggested, votes, own }): Suspect => {
      const distance = (label: number): number => distanceToLabel(i, label, labels, points)
      const ratio = Math.round(distance(labels[i]!) / Math.max(distance(suggested), Number.MIN_VALUE) * 100) / 100
      // JSON has no infinity.
      return { ...samples.reference(i), suggested, votes, own, neighbours: k, ratio: Math.min(ratio, MAX_RATIO) }
    })
    return suspects.sort((a, b) => b.ratio - a.ratio).slice(0, MAX_LISTED)
  })
}

interface VotedDown {
  readonly i: number
  readonly suggested: number
  readonly votes: number
  readonly own: number
}

/** The mean distance of a sample to the nearest others with a label; infinite if there are none. */
function distanceToLabel (i: number, label: number, labels: Uint8Array, points: Float32Array): number {
  const dimensions = points.length / labels.length
  const nearest = new BestList<number>(COMPARED)
  for (let j = 0; j < labels.length; j++) {
    if (labels[j] !== label || j === i) continue
    let squared = 0
    for (let d = 0; d < dimensions; d++) squared += (points[i * dimensions + d]! - points[j * dimensions + d]!) ** 2
    nearest.add(squared, Math.sqrt(squared))
  }
  const { items } = nearest
  return items.length === 0 ? Infinity : items.reduce((sum, distance) => sum + distance, 0) / items.length
}

function lengthOf (pixels: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < pixels.length; i++) sum += pixels[i]! ** 2
  return Math.sqrt(sum)
}

function distanceOf (a: Uint8Array, b: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return Math.sqrt(sum)
}

/** What a map is computed from. */
export interface MapInput {
  readonly shape: ImageShape
  /** u8 images, count·channels·rows·columns, and labels, count. */
  readonly splits: Readonly<Record<SplitName, { readonly images: Uint8Array, readonly labels: Uint8Array }>>
}

/** The items with the lowest scores, in order; of equal ones, those that came first. */
class BestList<Item> {
  readonly #limit: number
  readonly #entries: Array<{ readonly score: number, readonly item: Item }> = []

  constructor (limit: number) {
    this.#limit = limit
  }

  get items (): Item[] { return this.#entries.map(({ item }) => item) }

  add (score: number, item: Item): void {
    const entries = this.#entries
    if (entries.length === this.#limit && score >= entries.at(-1)!.score) return
    let [low, high] = [0, entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (entries[middle]!.score <= score) low = middle + 1
      else high = middle
    }
    entries.splice(low, 0, { score, item })
    if (entries.length > this.#limit) entries.pop()
  }
}
