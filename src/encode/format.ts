import type { Batch } from '../dataset.ts'

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
  /** The parts of the body, in order. They may be views of the batch's tensors, which are never written to. */
  encode (batch: Batch, metadata: BatchMetadata): Uint8Array[]
}
