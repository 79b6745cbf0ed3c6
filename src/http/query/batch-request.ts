import { augmentBatch } from '../../batch/augment/augment-batch.ts'
import { imageShape, selectBatch, type Batch, type Selection } from '../../batch/batch.ts'
import { countElements } from '../../batch/tensor.ts'
import type { PreparedDataset } from '../../dataset/entry.ts'
import type { BatchFormat, BatchMetadata, Format } from '../../encode/format.ts'
import type { Augmenting } from './augmentation.ts'
import { batchHeaders } from '../response/headers.ts'
import type { Answer } from '../response/respond.ts'

export interface BatchChoice extends Omit<Selection, 'order'> {
  /** Not called where the client already has the batch. */
  readonly order: () => Uint32Array | undefined
  /** Where the batch stands among the pages of its split, if it is one. */
  readonly place?: { readonly page: number, readonly batch_size: number, readonly pages: number }
  readonly augmenting?: Augmenting | undefined
  /** What was asked of the order and of the images, as the batch is to say it. */
  readonly asked?: BatchMetadata
}

/** What a batch says of itself; its tensors need not be made for that. */
export function batchMetadata (dataset: PreparedDataset, { split, span: { count }, place, normalization, dtype, layout, pad, asked }: BatchChoice): BatchMetadata {
  return {
    dataset: dataset.entry.name,
    version: dataset.version,
    split,
    ...(place && { page: place.page, batch_size: place.batch_size }),
    count,
    total: dataset.splits[split].count,
    ...(place && { pages: place.pages }),
    shape: [count, ...imageShape(dataset, { pad, layout })],
    dtype,
    normalization,
    layout,
    ...asked
  }
}

export function chosenBatch (dataset: PreparedDataset, { order, augmenting, ...choice }: BatchChoice): Batch | Promise<Batch> {
  const selection = { ...choice, order: order() }
  return augmenting ? augmentBatch(dataset, selection, augmenting) : selectBatch(dataset, selection)
}

/** Whether it pays to compress: text and u8 shrink; binary floats are sent as the views they are. */
export function compressible (format: Format, { dtype }: BatchChoice): boolean {
  return format.name.endsWith('json') || dtype === 'uint8'
}

/** A batch with what it says of itself, in the body and in headers; its tensors are made when the body is. */
export function batchAnswer (dataset: PreparedDataset, choice: BatchChoice, format: BatchFormat): Answer {
  const metadata = batchMetadata(dataset, choice)
  return {
    mediaType: format.mediaType,
    headers: () => batchHeaders(metadata),
    // An element is a byte at least, as u8 and as text.
    compressibleBytes: compressible(format, choice) ? countElements(metadata['shape'] as number[]) : 0,
    body () {
      const batch = chosenBatch(dataset, choice)
      return batch instanceof Promise ? batch.then(made => format.encode(made, metadata)) : format.encode(batch, metadata)
    }
  }
}
