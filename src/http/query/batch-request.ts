import { augmentBatch, augmentedNormalization, type Augmentation } from '../../batch/augment/augment-batch.ts'
import { imageShape, selectBatch, type Batch, type Selection } from '../../batch/batch.ts'
import type { Order } from '../../batch/order-cache.ts'
import { bytesPerElement, countElements } from '../../batch/tensor.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { BatchFormat, BatchMetadata, Format } from '../../encode/format.ts'
import type { ServedSamples } from '../metrics/recorder.ts'
import { batchHeaders } from '../response/headers.ts'
import type { Content, Work } from '../response/respond.ts'

/** The batch that a request asks for. Nothing is computed yet. */
export interface BatchRequest extends Omit<Selection, 'order' | 'images'> {
  /** The order of the epoch, sorted or taken from a cache when it is needed; undefined for the natural order. */
  readonly order: () => Order | undefined | Promise<Order>
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
    shape: [count, ...imageShape(dataset, request)],
    dtype,
    normalization,
    layout,
    ...echo
  }
}

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
  const order = await work.times.measure('order', request.order)
  const selection: Selection = { split, span, order, normalization, dtype, labels, layout, masked, pad }
  if (!augmentation) return selectBatch(dataset, selection)
  return await work.times.measure('augment', () => {
    const normalization = format.readsPixels ? undefined : augmentedNormalization(dataset, request)
    return augmentBatch(dataset, selection, augmentation, normalization, {
      run: task => work.compute.augment(task, work.signal),
      hold: work.hold
    })
  })
}

/** Bytes of the images that are computed before a batch can be encoded. */
export function augmentedBytes (dataset: PreparedDataset, request: BatchRequest, format: Format): number {
  const { augmentation, span: { count } } = request
  if (!augmentation) return 0
  const isNormalized = !format.readsPixels && augmentedNormalization(dataset, request) !== undefined
  return count * dataset.rows * dataset.columns * (isNormalized ? bytesPerElement.float32 : bytesPerElement.uint8)
}

/** Whether compression pays: text and u8 shrink, binary floats hardly do. */
export function isCompressible (format: Format, { dtype }: BatchRequest): boolean {
  return format.name.endsWith('json') || dtype === 'uint8'
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
  const metadata = describeBatch(dataset, request)
  return {
    mediaType: format.mediaType,
    headers () {
      const headers = batchHeaders(metadata)
      if (links) headers['link'] = links()
      return headers
    },
    // An element takes at least one byte, as u8 and as text.
    compressibleBytes: isCompressible(format, request) ? countElements(metadata['shape'] as number[]) : 0,
    workBytes: augmentedBytes(dataset, request, format),
    samples: samplesOf(dataset, request, format),
    async body (work) {
      return format.encode(await computeBatch(dataset, request, format, work), metadata)
    }
  }
}
