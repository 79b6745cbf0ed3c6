import type { Chunk, PooledChunk } from './chunk.ts'

/** Bytes of the smallest buffer that is worth reusing. */
const MIN_BYTES = 1 << 16

/** Bytes of all idle buffers together, at most. */
const MAX_IDLE_BYTES = 32 << 20

/**
 * Reuses the memory of chunks that have been sent: the system provides fresh memory page by page, which takes longer
 * than filling it. A chunk that is never released is garbage collected like any other object.
 */
export class BufferPool {
  readonly #idle = new Map<number, ArrayBuffer[]>()
  #idleBytes = 0

  /** A chunk of `byteLength` bytes with undefined content; pooled if it is large enough to be worth reusing. */
  chunk (byteLength: number): Chunk {
    return byteLength < MIN_BYTES ? allocate(byteLength) : this.pooledChunk(byteLength)
  }

  /** A pooled chunk of `byteLength` bytes with undefined content, in a buffer of exactly that size. */
  pooledChunk (byteLength: number): PooledChunk {
    const idle = this.#idle.get(byteLength)?.pop()
    if (idle) this.#idleBytes -= byteLength
    const bytes = idle ? new Uint8Array(idle) : allocate(byteLength)
    let isReleased = false
    const release = (): void => {
      if (!isReleased) this.#keep(bytes.buffer as ArrayBuffer)
      isReleased = true
    }
    return { bytes, release }
  }

  #keep (buffer: ArrayBuffer): void {
    const { byteLength } = buffer
    if (this.#idleBytes + byteLength > MAX_IDLE_BYTES) this.#dropOtherSizes(byteLength)
    if (this.#idleBytes + byteLength > MAX_IDLE_BYTES) return
    const idle = this.#idle.get(byteLength)
    if (idle) idle.push(buffer)
    else this.#idle.set(byteLength, [buffer])
    this.#idleBytes += byteLength
  }

  /** Sizes that are no longer requested make room for the one that is. */
  #dropOtherSizes (byteLength: number): void {
    for (const [size, buffers] of this.#idle) {
      if (size === byteLength) continue
      this.#idleBytes -= size * buffers.length
      this.#idle.delete(size)
    }
  }
}

/** The pool that all responses share. */
export const bufferPool = new BufferPool()

function allocate (byteLength: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer)
}
