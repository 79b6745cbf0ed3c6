import type { Batch } from '../batch/batch.ts'
import type { Chunk } from '../memory/chunk.ts'

/** One representation of a resource. */
export interface Format {
  /** As in `?format=`. */
  readonly name: string
  readonly mediaType: string
  /** Whether it writes numbers as text, which compression shrinks. */
  readonly isText?: boolean
  /** Whether it is made of the pixels of a batch rather than of the values of its tensors. */
  readonly readsPixels?: boolean
}

/** What describes a batch apart from its tensors, in the order in which JSON lists it. */
export type BatchMetadata = Readonly<Record<string, string | number | readonly number[]>>

/** A format of tensors. */
export interface SizedFormat extends Format {
  /** Bytes of a batch or page, at most; undefined for no limit. */
  readonly maxBytes?: number
}

/** A wire format of batches. */
export interface BatchFormat extends SizedFormat {
  encode (batch: Batch, metadata: BatchMetadata): Body
}

/** A batch as one of the pages of a stream. */
export interface Page {
  readonly batch: Batch
  readonly metadata: BatchMetadata
}

/** Encodes many batches as one body, page by page. */
export interface StreamEncoder {
  /**
   * The next page's part of the body, as a function of its batch, or of another one of the same samples. Each chunk is
   * computed when it is pulled.
   */
  page (page: Page): (batch: Batch) => Iterable<Chunk>
  /** The end of the body, from which a reader knows that nothing is missing. */
  end (): Iterable<Chunk>
}

/** A wire format of many batches in one body. */
export interface StreamFormat extends SizedFormat {
  /** @param shared metadata that all pages have in common */
  startStream (shared: BatchMetadata): StreamEncoder
}

/** The body of one response. */
export interface Body {
  /** Bytes of all chunks together, if known before they are computed. */
  readonly byteLength?: number | undefined
  /** Otherwise a lower bound, if one is known. */
  readonly minByteLength?: number | undefined
  /** Each is computed when it is pulled. To be consumed at most once. */
  readonly chunks: Iterable<Chunk>
}

/** A body of these bytes, one after the other. */
export function bodyOf (...bytes: Uint8Array[]): Body {
  return { byteLength: sumByteLengths(bytes), chunks: bytes }
}

export function sumByteLengths (items: ReadonlyArray<{ readonly byteLength: number }>): number {
  return items.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
