/** Bytes of a body, or what makes them, piece by piece and anew each time that the body is sent. */
export type Part = Uint8Array | (() => Iterable<Uint8Array>)

/** What is sent. */
export interface Body {
  /** How many bytes all parts have together, where that is known before they are made. */
  readonly bytes?: number
  /** In order. They may be views of a batch's tensors, which are never written to. */
  readonly parts: readonly Part[]
}

/** A body of parts that are made already. */
export function bodyOf (...parts: Uint8Array[]): Body {
  return { bytes: byteLength(parts), parts }
}

/** All bytes of these parts in order, each piece made when it is asked for. */
export function * piecesOf (parts: readonly Part[]): Generator<Uint8Array> {
  for (const part of parts) {
    if (typeof part === 'function') yield * part()
    else yield part
  }
}

/** Bytes of all pieces together. */
export function byteLength (pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
}
