import type { Remainder } from './options.ts'
import type { SampleOrder } from './sample-order.ts'

/** How an epoch is divided into pages, and pages among ranks. */
export interface Paging {
  readonly order: Pick<SampleOrder, 'length'>
  /** Samples of the order that are consumed already; page 0 begins after them. */
  readonly offset: number
  /** Samples per page and rank. */
  readonly batchSize: number
  /** From 0 up to but not including `worldSize`. */
  readonly rank: number
  readonly worldSize: number
  /** How the last samples, which do not fill a page of every rank, are served. */
  readonly remainder: Remainder
}

/** Positions of an order: `count` from `start`, continuing at 0 after its end. */
export interface PageSpan {
  readonly start: number
  readonly count: number
  /** The first positions are samples of this page, the others padding. */
  readonly real: number
}

/** Pages of the rest of an epoch, the same for every rank: a page holds batchSize·worldSize samples. */
export function pageCount ({ order, offset, batchSize, worldSize, remainder }: Paging): number {
  const pages = (order.length - offset) / (batchSize * worldSize)
  return remainder === 'drop' ? Math.floor(pages) : Math.ceil(pages)
}

/**
 * The positions that one rank gets of a page. Page p covers the B·W positions of the order from offset + p·B·W, and
 * rank r gets the r-th run of B of them. At the end, `keep` yields the remaining samples, fewer than B or even none,
 * and `pad` continues from the start of the order.
 */
export function pageSpan (
  { order, offset, batchSize, rank, worldSize, remainder }: Paging,
  page: number
): PageSpan {
  const start = offset + (page * worldSize + rank) * batchSize
  const real = Math.max(0, Math.min(batchSize, order.length - start))
  return { start, real, count: remainder === 'pad' ? batchSize : real }
}
