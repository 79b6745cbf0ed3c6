import type { ZipHandle } from '../decode/zip.ts'
import type { Sink } from './sinks.ts'

/** A zip file that is downloaded into memory, since no disk can be written. */
export class MemoryZip implements ZipHandle, Sink {
  readonly #content: Buffer
  #size = 0

  constructor (capacity: number) {
    this.#content = Buffer.allocUnsafe(capacity)
  }

  /** What was written so far. */
  get content (): Uint8Array { return this.#content.subarray(0, this.#size) }

  write (chunk: Uint8Array): void {
    this.#content.set(chunk, this.#size)
    this.#size += chunk.length
  }

  restart (): void {
    this.#size = 0
  }

  async stat (): Promise<{ readonly size: number }> {
    return { size: this.#size }
  }

  async read (
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number
  ): Promise<{ readonly bytesRead: number }> {
    const bytes = this.content.subarray(position, position + length)
    buffer.set(bytes, offset)
    return { bytesRead: bytes.length }
  }

  async close (): Promise<void> {}
}
