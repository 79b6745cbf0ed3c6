import { pageCount, type Paging } from '../../batch/page.ts'
import { ServiceError } from '../../errors.ts'
import { defaultBatchSize, defaults, type BatchParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertNoErrors, type ParameterError } from './query-errors.ts'

/** The parameters that select a page of an epoch. */
export type PaginationQuery = Pick<
  BatchParameters,
  'page' | 'offset' | 'batch_size' | 'seed' | 'epoch' | 'augment' | 'rank' | 'world_size' | 'remainder'
>

interface Split {
  readonly name: string
  /** Samples of the split. */
  readonly total: number
}

/** A page of an epoch, or of the rest of one. */
export interface Pagination extends Paging {
  readonly page: number
  readonly pages: number
  /** Undefined for the natural order. */
  readonly shuffle: { readonly seed: number, readonly epoch: number } | undefined
}

/** @throws ServiceError invalid_parameter if parameters conflict, page_out_of_range */
export function resolvePagination (
  query: PaginationQuery,
  split: Split,
  maxBatchSize: number
): Pagination {
  assertNoErrors(findConflicts(query, split))
  const {
    page = defaults.page,
    offset = defaults.offset,
    batch_size: batchSize = defaultBatchSize(maxBatchSize),
    seed,
    epoch = defaults.epoch,
    rank = defaults.rank,
    world_size: worldSize = defaults.world_size,
    remainder = defaults.remainder
  } = query
  const { total } = split
  const pages = pageCount({ total, offset, batchSize, rank, worldSize, remainder })
  const shuffle = seed === undefined ? undefined : { seed, epoch }
  const pagination = { total, offset, batchSize, rank, worldSize, remainder, page, pages, shuffle }
  if (page >= pages) throw pageOutOfRange(split, pagination)
  return pagination
}

function pageOutOfRange (
  { name, total }: Split,
  { page, pages, offset, batchSize, worldSize }: Pagination
): ServiceError {
  const sizes = `batch_size ${batchSize}${worldSize > 1 ? ` and world_size ${worldSize}` : ''}`
  const existing = pages === 0 ? 'no page at all' : `${pages} pages, 0 to ${pages - 1}`
  const samples = `${total} samples${offset > 0 ? `, ${total - offset} of them after offset ${offset}` : ''}`
  const detail = `${name} has ${samples}, which at ${sizes} make ${existing}; there is no page ${page}`
  return new ServiceError('page_out_of_range', detail, { members: { pages } })
}

function findConflicts (
  { offset = 0, seed, epoch, augment, rank, world_size: worldSize }: PaginationQuery,
  { name, total }: Split
): ParameterError[] {
  const errors: ParameterError[] = []
  if (offset > total) {
    const allowed = `an integer from 0 to ${total}, the number of samples of ${name}`
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
