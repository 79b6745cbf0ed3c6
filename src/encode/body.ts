import type { Chunk } from '../memory/chunk.ts'

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
