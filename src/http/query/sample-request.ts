import { listedOrder } from '../../batch/sample-order.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import { assertPaddable, echoSampleQuery, resolveSampleAugmentation, type ImageQuery } from './augmentation.ts'
import type { BatchRequest } from './batch-request.ts'
import type { Preparation } from './preparation.ts'
import { assertKnownSamples } from './target.ts'

/** The batch of a list of samples, whose metadata are scalars. */
export interface SampleRequest extends BatchRequest {
  readonly echo: Readonly<Record<string, string | number>>
}

/**
 * A batch of exactly these samples, in this order.
 *
 * @throws ServiceError unknown_sample, invalid_parameter
 */
export function sampleRequest (
  dataset: PreparedDataset,
  split: SplitName,
  ids: readonly number[],
  query: ImageQuery,
  preparation: Preparation
): SampleRequest {
  assertKnownSamples(ids, dataset, split)
  assertPaddable(query, dataset)
  const augmentation = resolveSampleAugmentation(query, split)
  return {
    ...preparation,
    split,
    span: { start: 0, count: ids.length, real: ids.length },
    order: listedOrder(Uint32Array.from(ids)),
    masked: false,
    pad: query.pad,
    augmentation,
    echo: echoSampleQuery(query, augmentation)
  }
}
