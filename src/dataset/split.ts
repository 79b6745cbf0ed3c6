import type { PixelStatistics, PreparedSplit } from './entry.ts'

/** Puts together what is served of a split. Everything is kept as it is given; only int64 labels and ids are made. */
export function preparedSplit (parts: {
  readonly images: Uint8Array
  readonly centered: Float32Array
  readonly labels: Uint8Array
  readonly onehot: Float32Array
  readonly pixels: PixelStatistics
  readonly classes: number
}): PreparedSplit {
  const { classes, ...kept } = parts
  const count = parts.labels.length
  const histogram: number[] = new Array(classes).fill(0)
  for (const label of parts.labels) histogram[label]!++
  return {
    ...kept,
    count,
    index: BigInt64Array.from(parts.labels, BigInt),
    ids: Int32Array.from({ length: count }, (_, i) => i),
    histogram
  }
}
