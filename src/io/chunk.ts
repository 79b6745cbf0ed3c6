/** Bytes to send, in memory of their own or in a reusable buffer. */
export type Chunk = Uint8Array | PooledChunk

/** Bytes in a reusable buffer, valid until `release`, which only the consumer calls once it has sent or copied them. */
export interface PooledChunk {
  readonly bytes: Uint8Array
  release (): void
}

/** No bytes: yielded after long work, so that the consumer can yield to the event loop before there is more. */
export const PAUSE: Chunk = new Uint8Array(0)

export function bytesOfChunk (chunk: Chunk): Uint8Array {
  return chunk instanceof Uint8Array ? chunk : chunk.bytes
}

export function releaseChunk (chunk: Chunk): void {
  if (!(chunk instanceof Uint8Array)) chunk.release()
}
