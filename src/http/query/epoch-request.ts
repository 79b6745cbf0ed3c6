import { pageSpan } from '../../batch/page.ts'
import { epochOrder } from '../../batch/sample-order.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import type { Format } from '../../encode/format.ts'
import type { Limits } from '../limits.ts'
import { optionTags } from '../openapi/schemas/batch-fields.ts'
import type { BatchParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertPaddable, resolveAugmentation } from './augmentation.ts'
import type { BatchRequest } from './batch-request.ts'
import { resolvePagination } from './pagination.ts'
import { resolvePreparation } from './preparation.ts'
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
