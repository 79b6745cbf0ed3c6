import type { Remainder } from './options.ts'

/** How a split is cut into pages, and whose part of them is asked for. */
export interface Paging {
  /** Samples of the split. */
  readonly total: number
  /** Samples that one rank gets of a page. */
  readonly batchSize: number
  /** From 0 up to but not including `worldSize`. */
  readonly rank: number
  readonly worldSize: number
  /** What becomes of the samples at the end that do not fill a page of every rank. */
  readonly remainder: Remainder
}

/** Positions of an order that one page of one rank covers: `count` from `start`, wrapping to 0 at the end of the order. */
export interface PageSpan {
  readonly start: number
  readonly count: number
  /** The first so many of them are real; the rest is padding. */
  readonly real: number
}

/** Pages of an epoch, the same for every rank: a page holds batchSize·worldSize samples. */
export function pageCount ({ total, batchSize, worldSize, remainder }: Paging): number {
  const pages = total / (batchSize * worldSize)
  return remainder === 'drop' ? Math.floor(pages) : Math.ceil(pages)
}

/**
 * Page p covers the positions [p·B·W, (p+1)·B·W) of the order, of which rank r gets the r-th run of B. At the end `keep`
 * gives what is left, which may be less than B and may be nothing, and `pad` goes on from the start of the order.
 */
export function pageSpan ({ total, batchSize, rank, worldSize, remainder }: Paging, page: number): PageSpan {
  const start = (page * worldSize + rank) * batchSize
  const real = Math.max(0, Math.min(batchSize, total - start))
  return { start, real, count: remainder === 'pad' ? batchSize : real }
}
