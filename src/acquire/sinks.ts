import type { FileHandle } from 'node:fs/promises'
import { ServiceError, messageOf } from '../errors.ts'
import { concatInSlices } from '../memory/bytes.ts'

/** Destination of a download. */
export interface Sink {
  write (chunk: Uint8Array): Promise<void> | void
  /** Discards everything written so far. */
  restart (): Promise<void> | void
}

/** Collects a download in memory. */
export class MemorySink implements Sink {
  #chunks: Uint8Array[] = []

  write (chunk: Uint8Array): void {
    this.#chunks.push(chunk)
  }

  restart (): void {
    this.#chunks = []
  }

  async bytes (): Promise<Uint8Array> {
    return await concatInSlices(this.#chunks)
  }
}

/** Writes a download to an open file, with backpressure. Errors of the disk are ServiceError cache_unwritable. */
export class FileSink implements Sink {
  readonly #handle: FileHandle
  #position = 0

  constructor (handle: FileHandle) {
    this.#handle = handle
  }

  async write (chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const length = chunk.length - at
      const { bytesWritten } = await this.#handle.write(chunk, at, length, this.#position).catch(throwUnwritable)
      at += bytesWritten
      this.#position += bytesWritten
    }
  }

  async restart (): Promise<void> {
    await this.#handle.truncate(0).catch(throwUnwritable)
    this.#position = 0
  }
}

function throwUnwritable (cause: Error): never {
  throw new ServiceError('cache_unwritable', messageOf(cause), { cause })
}
