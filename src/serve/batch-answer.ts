import type { PreparedDataset } from '../dataset.ts'
import type { BatchFormat, BatchMetadata } from '../encode/format.ts'
import { json } from '../encode/json.ts'
import { imageShape, type Selection } from '../store/batch.ts'
import { frameOf } from '../store/frame.ts'
import { selectionBody, type Augmenting } from './augmenting.ts'
import { batchHeaders } from './headers.ts'
import type { Answer } from './respond.ts'

export interface BatchChoice extends Omit<Selection, 'order'> {
  readonly format: BatchFormat
  /** Not called where the client already has the batch. */
  readonly order: () => Uint32Array | undefined
  /** Where the batch stands among the pages of its split, if it is one. */
  readonly place?: { readonly page: number, readonly batch_size: number, readonly pages: number }
  readonly augmenting?: Augmenting | undefined
  /** What was asked of the order and of the images, as the batch is to say it. */
  readonly asked?: BatchMetadata
}

/** A batch with what it says of itself, in the body and in headers; its tensors are made when the body is. */
export function batchAnswer (dataset: PreparedDataset, { format, order, place, augmenting, asked, ...selection }: BatchChoice): Answer {
  const { split, span: { count }, normalization, dtype, layout, pad } = selection
  const shape = [count, ...imageShape(frameOf(dataset, pad), layout)]
  const metadata: BatchMetadata = {
    dataset: dataset.entry.name,
    version: dataset.version,
    split,
    ...(place && { page: place.page, batch_size: place.batch_size }),
    count,
    total: dataset.splits[split].count,
    ...(place && { pages: place.pages }),
    shape,
    dtype,
    normalization,
    layout,
    ...asked
  }
  // An element is a byte at least, as u8 and as text. Binary floats are sent as the views they are, never compressed.
  const compressible = format === json || dtype === 'uint8'
  return {
    mediaType: format.mediaType,
    headers: () => batchHeaders(metadata),
    compressibleBytes: compressible ? shape.reduce((product, length) => product * length, 1) : 0,
    body: () => selectionBody(dataset, { ...selection, order: order() }, augmenting, batch => format.encode(batch, metadata))
  }
}
