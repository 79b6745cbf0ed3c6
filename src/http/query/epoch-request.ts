import { pageSpan, pageCount, type Paging } from '../../batch/page.ts'
import { epochOrder, type LazyOrder } from '../../batch/sample-order.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import type { Format } from '../../encode/format.ts'
import { ServiceError } from '../../errors.ts'
import type { Limits } from '../limits.ts'
import { optionTags, defaults } from '../openapi/schemas/batch-fields.ts'
import { type BatchParameters, defaultBatchSize } from '../openapi/schemas/parameter-schemas.ts'
import type { BatchRequest } from './batch-request.ts'
import { assertPaddable, resolveAugmentation, resolvePreparation } from './preparation.ts'
import { assertNoErrors, type ParameterError } from './query-errors.ts'
import { resolveTarget, type SplitRequest, type SplitTarget } from './target.ts'

/** The pages of an epoch, or of the rest of one, beginning with the requested one. */
export interface EpochRequest {
  readonly firstPage: number
  /** Pages after the offset. */
  readonly pages: number
  /** Distinguishes the first page from all others of the dataset's version, in any format. */
  readonly tag: string
  /** Whether every epoch has the same pages, so that clients request them repeatedly. */
  readonly isRecurring: boolean
  page (page: number): BatchRequest
}

/** What routes that serve pages depend on. */
export interface EpochOptions {
  readonly registry: DatasetRegistry
  readonly limits: Limits
  readonly maxBatchSize: number
}

type EpochRoute = SplitRequest & { readonly query: BatchParameters }

/** @throws ServiceError as `resolveTarget`; invalid_parameter, page_out_of_range */
export function resolveEpoch<F extends Format> (
  options: EpochOptions,
  formats: readonly F[],
  request: EpochRoute
): SplitTarget<F> & { readonly epoch: EpochRequest } {
  const target = resolveTarget(options.registry, formats, request)
  return { ...target, epoch: createEpochRequest(target.dataset, target.split, request.query, options) }
}

function createEpochRequest (
  dataset: PreparedDataset,
  split: SplitName,
  query: BatchParameters,
  { limits: { orders }, maxBatchSize }: EpochOptions
): EpochRequest {
  const preparation = resolvePreparation(query, dataset)
  const order = epochOrder(dataset.splits[split].count, query, orders)
  const pagination = resolvePagination(query, split, order, maxBatchSize)
  assertPaddable(query, dataset)
  const augmentation = resolveAugmentation(query, split)
  const { page: firstPage, pages, batchSize, offset } = pagination
  const { normalization, dtype, labels, layout } = preparation
  // Without spreading objects, which takes microseconds.
  const page = (page: number): BatchRequest => ({
    normalization,
    dtype,
    labels,
    layout,
    split,
    span: pageSpan(pagination, page),
    order,
    masked: query.remainder === 'pad',
    pagination: { page, batch_size: batchSize, pages },
    pad: query.pad,
    augmentation,
    query
  })
  const options = optionTags(dataset, page(firstPage))
  return {
    firstPage,
    pages,
    tag: [split, firstPage, batchSize, normalization, dtype, labels, layout, ...options].join('/'),
    isRecurring: order.isNatural && !augmentation && offset === 0,
    page
  }
}

/** A page of an epoch, or of the rest of one. */
interface Pagination extends Paging {
  readonly page: number
  readonly pages: number
}

/** @throws ServiceError invalid_parameter if parameters conflict, page_out_of_range */
function resolvePagination (
  query: BatchParameters,
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
  const pagination = { order, offset, batchSize, rank, worldSize, remainder, page, pages: 0 }
  pagination.pages = pageCount(pagination)
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
  { offset = 0, seed, epoch, augment, rank, world_size: worldSize }: BatchParameters,
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
