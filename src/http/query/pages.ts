import type { PreparedDataset, SplitName } from '../../dataset/entry.ts'
import type { Format } from '../../encode/format.ts'
import { pageSpan } from '../../batch/page.ts'
import type { OrderCache } from '../../batch/order-cache.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { augmentingOf, imageMetadata, refusePadding, type ImageQuery } from './augmentation.ts'
import type { BatchChoice } from './batch-request.ts'
import { requested, type SplitRequest } from './target.ts'
import { orderingOf, type OrderingQuery } from './ordering.ts'
import { preparationOf, type PreparationQuery } from './preparation.ts'
import { tagsOf } from '../response/respond.ts'

/** The parameters that say what is in which page of a split. */
export type PagesQuery = OrderingQuery & PreparationQuery & ImageQuery

/** The pages of an epoch, as a request asks for them. */
export interface Pages {
  /** The one asked for. */
  readonly first: number
  readonly count: number
  /** Tells the page asked for from all others of the dataset's version, whatever the format. */
  readonly tag: string
  /** Whether every epoch has the same ones, so that they are asked for again. */
  readonly recurring: boolean
  choice (page: number): BatchChoice
}

/** What routes of pages are built of. */
export interface PagesOptions {
  readonly store: DatasetRegistry
  readonly orders: OrderCache
  readonly maxBatchSize: number
}

/**
 * What every request for pages begins with.
 *
 * @throws ServiceError as `requested` does; invalid_parameter, page_out_of_range
 */
export function requestedPages<F extends Format> (options: PagesOptions, formats: readonly F[], request: SplitRequest & { readonly query: PagesQuery }): { dataset: PreparedDataset, split: SplitName, format: F, pages: Pages } {
  const { dataset, split, format } = requested(options.store, formats, request)
  return { dataset, split, format, pages: pagesOf(dataset, split, request.query, options) }
}

function pagesOf (dataset: PreparedDataset, split: SplitName, query: PagesQuery, { orders, maxBatchSize }: PagesOptions): Pages {
  const preparation = preparationOf(query)
  const ordering = orderingOf(query, { name: split, total: dataset.splits[split].count }, maxBatchSize)
  refusePadding(query, dataset)
  const augmenting = augmentingOf(query, split)
  const { page: first, pages, batchSize, total, shuffle } = ordering
  // Said only where it was asked for: a batch in natural order is described as one.
  const asked = {
    ...shuffle,
    ...(query.world_size && { rank: ordering.rank, world_size: ordering.worldSize }),
    ...(query.remainder && { remainder: ordering.remainder }),
    ...imageMetadata(query, augmenting)
  }
  const { normalization, dtype, labels, layout } = preparation
  return {
    first,
    count: pages,
    tag: [split, first, batchSize, normalization, dtype, labels, layout, ...tagsOf(asked)].join('/'),
    recurring: !shuffle && !augmenting,
    choice: page => ({
      ...preparation,
      split,
      span: pageSpan(ordering, page),
      order: () => shuffle && orders.get(total, shuffle.seed, shuffle.epoch),
      masked: query.remainder === 'pad',
      place: { page, batch_size: batchSize, pages },
      pad: query.pad,
      augmenting,
      asked
    })
  }
}
