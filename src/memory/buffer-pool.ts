import { sharedBytes } from './bytes.ts'
import type { Chunk, PooledChunk } from './chunk.ts'

/** Bytes of the smallest buffer that is worth reusing. */
const MIN_BYTES = 1 << 16

export interface BufferPoolOptions {
  /** Bytes of all idle buffers together, at most. */
  readonly maxIdleBytes: number
  /** Whether other threads write to the buffers. */
  readonly isShared?: boolean
}

/**
 * Reuses the memory of chunks that have been sent: the system provides fresh memory page by page, which takes longer
 * than filling it. A chunk that is never released is garbage collected like any other object.
 */
export class BufferPool {
  readonly #options: BufferPoolOptions
  readonly #idle = new Map<number, ArrayBufferLike[]>()
  #idleBytes = 0

  constructor (options: BufferPoolOptions) {
    this.#options = options
  }

  /** A chunk of `byteLength` bytes with undefined content; pooled if it is large enough to be worth reusing. */
  chunk (byteLength: number): Chunk {
    return byteLength < MIN_BYTES ? this.#allocate(byteLength) : this.pooledChunk(byteLength)
  }

  /** A pooled chunk of `byteLength` bytes with undefined content, in a buffer of exactly that size. */
  pooledChunk (byteLength: number): PooledChunk {
    const idle = this.#idle.get(byteLength)?.pop()
    if (idle) this.#idleBytes -= byteLength
    const bytes = idle ? new Uint8Array(idle) : this.#allocate(byteLength)
    let isReleased = false
    const release = (): void => {
      if (!isReleased) this.#keep(bytes.buffer)
      isReleased = true
    }
    return { bytes, release }
  }

  #allocate (byteLength: number): Uint8Array {
    return this.#options.isShared
      ? sharedBytes(byteLength)
      : new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer)
  }

  #keep (buffer: ArrayBufferLike): void {
    const { byteLength } = buffer
    const { maxIdleBytes } = this.#options
    if (this.#idleBytes + byteLength > maxIdleBytes) this.#dropOtherSizes(byteLength)
    if (this.#idleBytes + byteLength > maxIdleBytes) return
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

/** For what the thread that serves requests computes. */
export const bufferPool = new BufferPool({ maxIdleBytes: 32 << 20 })

/** For what other threads compute. */
export const sharedBufferPool = new BufferPool({ maxIdleBytes: 16 << 20, isShared: true })
