import type { Augmentation } from '../../batch/augment/augment-batch.ts'
import { imageDimensions, type Selection } from '../../batch/batch.ts'
import type { LazyOrder } from '../../batch/sample-order.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { BatchMetadata } from '../../encode/format.ts'

/** The batch that a request asks for. Nothing is computed yet. */
export interface BatchRequest extends Omit<Selection, 'order' | 'images'> {
  readonly order: LazyOrder
  /** The batch's place among the pages of its split, unless its samples were requested individually. */
  readonly pagination?: { readonly page: number, readonly batch_size: number, readonly pages: number }
  readonly augmentation?: Augmentation | undefined
  /** The optional parameters as the metadata of the batch repeats them. */
  readonly echo: BatchMetadata
}

/** The metadata of a batch, which does not depend on its tensors. */
export function describeBatch (dataset: PreparedDataset, request: BatchRequest): BatchMetadata {
  const { split, span: { count }, pagination, normalization, dtype, layout, echo } = request
  return {
    dataset: dataset.entry.name,
    version: dataset.version,
    split,
    ...(pagination && { page: pagination.page, batch_size: pagination.batch_size }),
    count,
    total: dataset.splits[split].count,
    ...(pagination && { pages: pagination.pages }),
    shape: [count, ...imageDimensions(dataset, request)],
    dtype,
    normalization,
    layout,
    ...echo
  }
}
