import { pageCount, type Paging } from '../../batch/page.ts'
import type { LazyOrder } from '../../batch/sample-order.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import { ServiceError } from '../../errors.ts'
import { defaults } from '../openapi/schemas/batch-fields.ts'
import { defaultBatchSize, type BatchParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertNoErrors, type ParameterError } from './query-errors.ts'

/** The parameters that select a page of an epoch. */
export type PaginationQuery = Pick<
  BatchParameters,
  'page' | 'offset' | 'batch_size' | 'seed' | 'epoch' | 'augment' | 'rank' | 'world_size' | 'remainder'
>

/** A page of an epoch, or of the rest of one. */
export interface Pagination extends Paging {
  readonly page: number
  readonly pages: number
}

/** @throws ServiceError invalid_parameter if parameters conflict, page_out_of_range */
export function resolvePagination (
  query: PaginationQuery,
  split: SplitName,
  order: LazyOrder,
  maxBatchSize: number
): Pagination {
  assertNoErrors(findConflicts(query, split, order))
  const {
    page = defaults.page,
    offset = defaults.offset,
    batch_size: batchSize = defaultBatchSize(maxBatchSize),
    rank = defaults.rank,
    world_size: worldSize = defaults.world_size,
    remainder = defaults.remainder
  } = query
  const paging = { order, offset, batchSize, rank, worldSize, remainder }
  const pagination = { ...paging, page, pages: pageCount(paging) }
  if (page >= pagination.pages) throw pageOutOfRange(split, pagination)
  return pagination
}

function pageOutOfRange (
  split: SplitName,
  { order: { length }, page, pages, offset, batchSize, worldSize }: Pagination
): ServiceError {
  const sizes = `batch_size ${batchSize}${worldSize > 1 ? ` and world_size ${worldSize}` : ''}`
  const existing = pages === 0 ? 'no page at all' : `${pages} pages, 0 to ${pages - 1}`
  const samples = `${length} samples${offset > 0 ? `, ${length - offset} of them after offset ${offset}` : ''}`
  const detail = `${split} has ${samples}, which at ${sizes} make ${existing}; there is no page ${page}`
  return new ServiceError('page_out_of_range', detail, { members: { pages } })
}

function findConflicts (
  { offset = 0, seed, epoch, augment, rank, world_size: worldSize }: PaginationQuery,
  split: SplitName,
  { length }: LazyOrder
): ParameterError[] {
  const errors: ParameterError[] = []
  if (offset > length) {
    const allowed = `an integer from 0 to ${length}, the number of samples of ${split}`
    errors.push({ parameter: 'offset', detail: `offset must be ${allowed}, got '${offset}'`, allowed })
  }
  // Some generated clients send every default.
  if (epoch !== undefined && epoch !== defaults.epoch && seed === undefined && augment === undefined) {
    const detail = 'epoch requires seed or augment: without them, every epoch is the same'
    errors.push({ parameter: 'epoch', detail, allowed: 'nothing without seed or augment' })
  }
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
