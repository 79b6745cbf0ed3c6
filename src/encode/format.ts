import type { Batch } from '../batch/batch.ts'
import type { Body } from './body.ts'

/** One representation of a resource. */
export interface Format {
  /** As `?format=` names it. */
  readonly name: string
  readonly mediaType: string
}

/** What a batch says of itself apart from its tensors, in the order in which JSON shows it. */
export type BatchMetadata = Readonly<Record<string, string | number | readonly number[]>>

/** A wire format of batches. */
export interface BatchFormat extends Format {
  /** A promise where all of a large batch has to be seen first: others have their turn in between. */
  encode (batch: Batch, metadata: BatchMetadata): Body | Promise<Body>
}

/** A batch as one of the pages of a stream. */
export interface Page {
  readonly batch: Batch
  readonly metadata: BatchMetadata
}

/** Makes one body of many batches, page by page. */
export interface StreamEncoder {
  /** What the next page adds to the body. */
  page (page: Page): Iterable<Uint8Array>
  /** What tells a reader that this is the end. */
  end (): Iterable<Uint8Array>
}

/** A wire format of many batches in one body. */
export interface StreamFormat extends Format {
  /** @param shared what all pages say of themselves */
  startStream (shared: BatchMetadata): StreamEncoder
}
