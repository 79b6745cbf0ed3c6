/** Pages that hold `total` samples, `batchSize` each; the last may be short. */
export function pageCount (total: number, batchSize: number): number {
  return Math.ceil(total / batchSize)
}

/** Positions [start, end) of a page, counted from 0. */
export function pageRange (total: number, batchSize: number, page: number): { start: number, end: number } {
  const start = page * batchSize
  return { start, end: Math.min(start + batchSize, total) }
}
