import type { FileHandle } from 'node:fs/promises'

/** Where a download goes. It is written from the beginning on, and may have to begin again. */
export interface Sink {
  write (chunk: Uint8Array): Promise<void> | void
  restart (): Promise<void> | void
}

/** Memory, for files of a few megabytes. */
export class MemorySink implements Sink {
  #chunks: Uint8Array[] = []

  write (chunk: Uint8Array): void {
    this.#chunks.push(chunk)
  }

  restart (): void {
    this.#chunks = []
  }

  bytes (): Uint8Array {
    return Buffer.concat(this.#chunks)
  }
}

/** An open file, for what is too large for memory. Who sends faster than it can be written has to wait. */
export class FileSink implements Sink {
  readonly #handle: FileHandle
  #position = 0

  constructor (handle: FileHandle) {
    this.#handle = handle
  }

  async write (chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(chunk, at, chunk.length - at, this.#position)
      at += bytesWritten
      this.#position += bytesWritten
    }
  }

  async restart (): Promise<void> {
    await this.#handle.truncate(0)
    this.#position = 0
  }
}
