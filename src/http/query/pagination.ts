import { pageCount, type Paging } from '../../batch/page.ts'
import { ServiceError } from '../../errors.ts'
import { defaultBatchSize, defaults, type BatchParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertNoErrors, type ParameterError } from './query-errors.ts'

/** The parameters that select a page of an epoch. */
export type PaginationQuery = Pick<
  BatchParameters,
  'page' | 'batch_size' | 'seed' | 'epoch' | 'rank' | 'world_size' | 'remainder'
>

/** A page of an epoch. */
export interface Pagination extends Paging {
  readonly page: number
  readonly pages: number
  /** Undefined for the natural order. */
  readonly shuffle: { readonly seed: number, readonly epoch: number } | undefined
}

/** @throws ServiceError invalid_parameter if parameters conflict, page_out_of_range */
export function resolvePagination (
  query: PaginationQuery,
  split: { readonly name: string, readonly total: number },
  maxBatchSize: number
): Pagination {
  assertNoErrors(findConflicts(query))
  const { page, epoch, rank, world_size: worldSize, remainder } = { ...defaults, ...query }
  const { batch_size: batchSize = defaultBatchSize(maxBatchSize), seed } = query
  const paging = { total: split.total, batchSize, rank, worldSize, remainder }
  const pages = pageCount(paging)
  if (page >= pages) throw pageOutOfRange(split, page, pages, paging)
  return { ...paging, page, pages, shuffle: seed === undefined ? undefined : { seed, epoch } }
}

function pageOutOfRange (
  { name, total }: { readonly name: string, readonly total: number },
  page: number,
  pages: number,
  { batchSize, worldSize }: Paging
): ServiceError {
  const sizes = `batch_size ${batchSize}${worldSize > 1 ? ` and world_size ${worldSize}` : ''}`
  const existing = pages === 0 ? 'no page at all' : `${pages} pages, 0 to ${pages - 1}`
  const detail = `${name} has ${total} samples, which at ${sizes} make ${existing}; there is no page ${page}`
  return new ServiceError('page_out_of_range', detail, { members: { pages } })
}

export const epochWithoutSeed: ParameterError = {
  parameter: 'epoch',
  detail: 'epoch goes with a seed, without which every epoch is the same',
  allowed: 'nothing without seed'
}

function findConflicts ({ seed, epoch, rank, world_size: worldSize }: PaginationQuery): ParameterError[] {
  const errors: ParameterError[] = []
  if (epoch !== undefined && seed === undefined) errors.push(epochWithoutSeed)
  if (rank === undefined && worldSize !== undefined) errors.push(missing('rank', 'world_size'))
  if (rank !== undefined && worldSize === undefined) errors.push(missing('world_size', 'rank'))
  if (rank !== undefined && worldSize !== undefined && rank >= worldSize) {
    const allowed = `an integer from 0 to ${worldSize - 1}`
    const detail = `rank must be ${allowed} where world_size is ${worldSize}, got '${rank}'`
    errors.push({ parameter: 'rank', detail, allowed })
  }
  return errors
}

function missing (parameter: string, given: string): ParameterError {
  return { parameter, detail: `${given} needs ${parameter}`, allowed: 'rank and world_size together, or neither' }
}
