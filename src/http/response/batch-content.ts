import { augmentBatch, augmentedNormalization } from '../../batch/augment/augment-batch.ts'
import { imageDimensions, selectBatch, type Batch, type Selection } from '../../batch/batch.ts'
import { bytesPerElement, countElements } from '../../batch/tensor.ts'
import { valueCount } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { BatchFormat, BatchMetadata, Format } from '../../encode/format.ts'
import type { ServedSamples } from '../metrics/recorder.ts'
import { batchHeaders, describeBatch } from '../openapi/schemas/batch-fields.ts'
import type { BatchRequest } from '../query/batch-request.ts'
import type { Content, Work } from './respond.ts'

/** The samples of a batch, for metrics. */
export function samplesOf (dataset: PreparedDataset, { split, span }: BatchRequest, format: Format): ServedSamples {
  return { dataset: dataset.entry.name, split, format: format.name, count: span.real }
}

/**
 * @param format that the batch is computed for
 * @throws the signal's reason
 */
export async function computeBatch (
  dataset: PreparedDataset,
  request: BatchRequest,
  format: Format,
  work: Work
): Promise<Batch> {
  const { split, span, normalization, dtype, labels, layout, masked, pad, augmentation } = request
  const order = await work.times.measure('order', () => request.order.resolve())
  const selection: Selection = { split, span, order, normalization, dtype, labels, layout, masked, pad }
  if (!augmentation) return selectBatch(dataset, selection)
  return await work.times.measure('augment', () => {
    const normalization = format.readsPixels ? undefined : augmentedNormalization(dataset, request)
    return augmentBatch(dataset, selection, augmentation, normalization, {
      run: task => work.compute.augment(task, work.signal),
      releaseWhenSent: work.releaseWhenSent
    })
  })
}

/** Bytes of the images that are computed before a batch can be encoded. */
export function augmentedBytes (dataset: PreparedDataset, request: BatchRequest, format: Format): number {
  const { augmentation, span: { count } } = request
  if (!augmentation) return 0
  const isNormalized = !format.readsPixels && augmentedNormalization(dataset, request) !== undefined
  return count * valueCount(dataset.shape) * (isNormalized ? bytesPerElement.float32 : bytesPerElement.uint8)
}

/** Whether compression pays: text and u8 shrink, binary floats hardly do. */
export function isCompressible (format: Format, { dtype }: BatchRequest): boolean {
  return format.isText || dtype === 'uint8'
}

/**
 * A batch in a format; its tensors are computed with the body.
 *
 * @param links the Link header, of a batch that is a page
 */
export function batchContent (
  dataset: PreparedDataset,
  request: BatchRequest,
  format: BatchFormat,
  links?: () => string
): Content {
  // Once, and not for a 304.
  let described: BatchMetadata | undefined
  const describe = (): BatchMetadata => (described ??= describeBatch(dataset, request))
  const elements = request.span.count * countElements(imageDimensions(dataset, request))
  return {
    mediaType: format.mediaType,
    headers () {
      const headers = batchHeaders(describe())
      if (links) headers['link'] = links()
      return headers
    },
    // An element takes at least one byte, as u8 and as text.
    compressibleBytes: isCompressible(format, request) ? elements : 0,
    workBytes: augmentedBytes(dataset, request, format),
    samples: samplesOf(dataset, request, format),
    async body (work) {
      return format.encode(await computeBatch(dataset, request, format, work), describe())
    }
  }
}
