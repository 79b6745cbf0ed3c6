import { yieldToEventLoop } from '../scheduling/event-loop.ts'

/** Bytes to send, in memory of their own or in a reusable buffer. */
export type Chunk = Uint8Array | PooledChunk

/** Bytes in a reusable buffer, valid until `release`, which only the consumer calls once it has sent or copied them. */
export interface PooledChunk {
  readonly bytes: Uint8Array
  /** Resolves when the next chunk may be pulled, unless that is at once. */
  readonly ready?: Promise<void>
  release (): void
}

/** No bytes: yielded after long work, so that the consumer can yield to the event loop before there is more. */
export const PAUSE: Chunk = new Uint8Array(0)

/** No bytes: the next chunk may be pulled once `ready` resolves. */
export function pendingChunk (ready: Promise<void>): PooledChunk {
  // The consumer may have gone.
  ready.catch(() => {})
  return { bytes: new Uint8Array(0), ready, release () {} }
}

/** Resolves when the chunk after this one may be pulled; undefined if that is at once. */
export function pauseAfter (chunk: Chunk): Promise<void> | undefined {
  if (chunk === PAUSE) return yieldToEventLoop()
  return chunk instanceof Uint8Array ? undefined : chunk.ready
}

export function bytesOfChunk (chunk: Chunk): Uint8Array {
  return chunk instanceof Uint8Array ? chunk : chunk.bytes
}

export function releaseChunk (chunk: Chunk): void {
  if (!(chunk instanceof Uint8Array)) chunk.release()
}
