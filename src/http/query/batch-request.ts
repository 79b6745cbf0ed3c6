import { type Selection, imageDimensions } from '../../batch/batch.ts'
import { listedOrder, type LazyOrder } from '../../batch/sample-order.ts'
import { bytesPerElement, countElements } from '../../batch/tensor.ts'
import { valueCount } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import type { SizedFormat } from '../../encode/format.ts'
import type { Limits } from '../limits.ts'
import type { FieldSource } from '../openapi/schemas/batch-fields.ts'
import {
  assertPaddable, resolveSampleAugmentation, type ImageQuery, type RequestedAugmentation, type Preparation
} from './preparation.ts'
import { assertNoErrors } from './query-errors.ts'
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

/** A parameter whose length or value is the number of samples. */
type SizeParameter = 'batch_size' | 'ids'

/** Bytes of a body besides its tensors, with plenty of room. */
const FRAME_BYTES = 1 << 16

/**
 * Rejects a batch that a format or the memory for work cannot hold, before anything is computed.
 *
 * @throws ServiceError invalid_parameter, with the largest number of samples that is possible
 */
export function assertServable (
  dataset: PreparedDataset,
  request: BatchRequest,
  format: SizedFormat,
  { workMemory }: Limits,
  parameter: SizeParameter
): void {
  const { span: { count }, augmentation } = request
  if (augmentation) {
    const most = Math.floor(workMemory / valueCount(dataset.shape))
    const reason = 'WORK_MEMORY cannot hold more augmented images'
    if (count > most) rejectSize(parameter, count, most, reason, 'nothing with augment')
  }
  if (format.maxBytes !== undefined) {
    const most = Math.floor((format.maxBytes - FRAME_BYTES) / sampleBytes(dataset, request))
    const reason = `${format.name} is limited to ${format.maxBytes} bytes`
    if (count > most) rejectSize(parameter, count, most, reason, `other formats than ${format.name}`)
  }
}

/** Bytes of one sample in all tensors. */
function sampleBytes (dataset: PreparedDataset, request: BatchRequest): number {
  const image = countElements(imageDimensions(dataset, request)) * bytesPerElement[request.dtype]
  const classes = dataset.entry.classes.length
  const label = request.labels === 'index' ? bytesPerElement.int64 : classes * bytesPerElement.float32
  return image + label + bytesPerElement.int32 + bytesPerElement.uint8
}

function rejectSize (parameter: SizeParameter, count: number, most: number, reason: string, otherwise: string): void {
  const subject = parameter === 'ids' ? 'the number of ids' : 'batch_size'
  const allowed = most === 0 ? otherwise : parameter === 'ids' ? `1 to ${most} ids` : `an integer from 1 to ${most}`
  const detail = most === 0
    ? `${reason}: not even one image of this size`
    : `${subject} must be at most ${most} for images of this size, got ${count}: ${reason}`
  assertNoErrors([{ parameter, detail, allowed }])
}
