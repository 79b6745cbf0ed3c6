import type { SplitName } from '../../src/dataset/sample-splits.ts'

export interface SampleReference {
  readonly split: SplitName
  readonly id: number
  readonly label: number
}

/** The place of a sample in a picture of many. */
export interface Tile {
  readonly split: SplitName
  /** Parameters of `thumbnails` that select the picture's samples. */
  readonly query: Readonly<Record<string, string | number>>
  readonly index: number
}

/** A list of samples, of one or more splits and maybe of one class. */
export interface Selection {
  readonly count: number
  at (i: number): SampleReference
  tile (i: number): Tile
}

interface Segment {
  readonly split: SplitName
  readonly labels: Uint8Array
  /** Undefined for all samples. */
  readonly ids: Uint32Array | undefined
  readonly start: number
  readonly count: number
}

/**
 * @param labels those of each split
 * @param label of the only class, or undefined
 * @param sheetSamples samples of each picture
 */
export function createSelection (
  splits: readonly SplitName[],
  labels: readonly Uint8Array[],
  label: number | undefined,
  sheetSamples: number
): Selection {
  const segments: Segment[] = []
  let count = 0
  splits.forEach((split, i) => {
    const ids = label === undefined ? undefined : findIds(labels[i]!, label)
    const size = ids?.length ?? labels[i]!.length
    segments.push({ split, labels: labels[i]!, ids, start: count, count: size })
    count += size
  })
  const segmentAt = (i: number): Segment => {
    return segments.findLast(({ start, count }) => start <= i && count > 0) ?? segments[0]!
  }
  // Kept, since a list of ids takes long to write.
  const queries = new Map<string, Tile['query']>()
  const idsOfPage = ({ split, ids }: Segment, page: number): Tile['query'] => {
    const key = `${split}/${page}`
    let query = queries.get(key)
    if (!query) {
      query = { ids: ids!.subarray(page * sheetSamples, (page + 1) * sheetSamples).join(',') }
      queries.set(key, query)
    }
    return query
  }
  return {
    count,
    at (i) {
      const { split, labels, ids, start } = segmentAt(i)
      const id = ids ? ids[i - start]! : i - start
      return { split, id, label: labels[id]! }
    },
    tile (i) {
      const segment = segmentAt(i)
      const { split, ids, start } = segment
      const page = Math.floor((i - start) / sheetSamples)
      const index = (i - start) % sheetSamples
      if (!ids) return { split, query: { page, batch_size: sheetSamples }, index }
      return { split, query: idsOfPage(segment, page), index }
    }
  }
}

function findIds (labels: Uint8Array, label: number): Uint32Array {
  const ids = new Uint32Array(labels.length)
  let count = 0
  for (let id = 0; id < labels.length; id++) {
    if (labels[id] === label) ids[count++] = id
  }
  return ids.subarray(0, count)
}
