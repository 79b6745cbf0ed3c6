import type { Selection } from '../../batch/batch.ts'
import { listedOrder, type LazyOrder } from '../../batch/sample-order.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import type { FieldSource } from '../openapi/schemas/batch-fields.ts'
import { assertPaddable, resolveSampleAugmentation, type ImageQuery, type RequestedAugmentation } from './augmentation.ts'
import type { Preparation } from './preparation.ts'
import { assertKnownSamples } from './target.ts'

/** The batch that a request asks for. Nothing is computed yet. */
export interface BatchRequest extends FieldSource, Omit<Selection, 'order' | 'images'> {
  readonly order: LazyOrder
  readonly augmentation?: RequestedAugmentation | undefined
}

/**
 * A batch of exactly these samples, in this order.
 *
 * @throws ServiceError unknown_sample, invalid_parameter
 */
export function requestSamples (
  dataset: PreparedDataset,
  split: SplitName,
  ids: readonly number[],
  query: ImageQuery,
  preparation: Preparation
): BatchRequest {
  assertKnownSamples(ids, dataset, split)
  assertPaddable(query, dataset)
  return {
    ...preparation,
    split,
    span: { start: 0, count: ids.length, real: ids.length },
    order: listedOrder(Uint32Array.from(ids)),
    masked: false,
    pad: query.pad,
    augmentation: resolveSampleAugmentation(query, split),
    query
  }
}
