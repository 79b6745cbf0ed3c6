/** What is sent. */
export interface Body {
  /** How many bytes all parts have together, where that is known before they are made. */
  readonly bytes?: number
  /** In order, each made when it is asked for. They may be views of a batch's tensors, which are never written to. */
  readonly parts: Iterable<Uint8Array>
}

/** A body of parts that are made already. */
export function bodyOf (...parts: Uint8Array[]): Body {
  return { bytes: byteLength(parts), parts }
}

/** Bytes of all parts together. */
export function byteLength (parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0)
}
