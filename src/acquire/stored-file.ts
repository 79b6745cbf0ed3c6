import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { VerifiedFile } from '../decode/dataset-format.ts'
import type { ZipHandle } from '../decode/zip.ts'
import { openUnlinkedFile } from '../disk/atomic-write.ts'
import { sha256File, sha256InSlices } from '../disk/hash.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import { FileSink, type Sink } from './sinks.ts'

/** An open file: a file handle, or bytes in memory. */
export type StoredFile = ZipHandle

export interface StorageContext {
  readonly cache: FileCache
  readonly warn: (message: string) => void
}

/** A file whose size and hash are known. */
export interface PinnedFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

export interface StoreOptions extends StorageContext {
  /** Name of the file in messages. */
  readonly name: string
  readonly maxBytes: number
  /** The key in the cache; without one, the file disappears with this process. */
  readonly sha256?: string
  /** Throws if the file is not the expected one. */
  readonly verify: (file: StoredFile) => Promise<void>
}

/**
 * Stores a download in the cache, else in an unlinked temporary file, else in memory.
 *
 * @param receive downloads into a sink; its errors are ServiceError
 */
export async function storeDownload (
  receive: (sink: Sink) => Promise<void>,
  { name, maxBytes, sha256, cache, warn, verify }: StoreOptions
): Promise<StoredFile> {
  const fill = async (handle: FileHandle): Promise<void> => {
    await receive(new FileSink(handle))
    await verify(handle)
  }
  if (sha256 !== undefined) {
    try {
      await cache.write(sha256, name, fill)
      const path = cache.path(sha256)
      await cache.markVerified(sha256, path).catch(error => warn(`not marked as verified: ${messageOf(error)}`))
      return await open(path, 'r')
    } catch (error) {
      if (isFailureToDownload(error)) throw error
      warn(messageOf(error))
    }
  }
  // Where the cache has just failed, a temporary file would fail as well; elsewhere, /tmp may be memory.
  const folders = sha256 === undefined ? [cache.folder, tmpdir()] : [tmpdir()]
  for (const [i, folder] of folders.entries()) {
    try {
      return await fillUnlinked(folder, fill)
    } catch (error) {
      if (isFailureToDownload(error)) throw error
      if (i < folders.length - 1) continue
      warn(`${name} stays in memory, since no temporary file can be written: ${messageOf(error)}`)
    }
  }
  const file = new MemoryFile(maxBytes)
  await receive(file)
  await verify(file)
  return file
}

/** Whether the network or the server failed, rather than the disk, so that no other place for the file would help. */
function isFailureToDownload (error: unknown): boolean {
  return error instanceof ServiceError && error.code !== 'cache_unwritable'
}

async function fillUnlinked (
  folder: string,
  fill: (handle: FileHandle) => Promise<void>
): Promise<FileHandle> {
  const handle = await openUnlinkedFile(folder)
  try {
    await fill(handle)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Downloads a pinned file, as `storeDownload` does. */
export async function storePinned (
  receive: (sink: Sink) => Promise<void>,
  { name, bytes, sha256 }: PinnedFile,
  context: StorageContext
): Promise<StoredFile> {
  const verify = (file: StoredFile): Promise<void> => verifyStored(file, { name, bytes, sha256 })
  return await storeDownload(receive, { name, maxBytes: bytes, sha256, verify, ...context })
}

/**
 * Opens a file if it is the pinned one. Hashes the whole file, unless it is unchanged since the last time.
 *
 * @param place of the file in warnings
 */
export async function openPinned (
  path: string,
  place: string,
  file: PinnedFile,
  { cache, warn }: StorageContext
): Promise<FileHandle | undefined> {
  const { name, sha256 } = file
  const handle = await open(path, 'r').catch(() => undefined)
  if (!handle || await cache.isUnchanged(sha256, path)) return handle
  try {
    await verifyStored(handle, file)
    await cache.markVerified(sha256, path).catch(error => warn(`not marked as verified: ${messageOf(error)}`))
    return handle
  } catch (error) {
    await handle.close()
    warn(`${name} in ${place} ${messageOf(error)}`)
    if (path === cache.path(sha256)) await cache.quarantine(file).catch(error => warn(messageOf(error)))
    return undefined
  }
}

export async function openCached (file: PinnedFile, context: StorageContext): Promise<FileHandle | undefined> {
  return await openPinned(context.cache.path(file.sha256), 'the cache', file, context)
}

/** @throws ServiceError invalid_file: wrong size or hash */
async function verifyStored (file: StoredFile, { bytes, sha256 }: PinnedFile): Promise<void> {
  const { size } = await file.stat()
  if (size !== bytes) throw new ServiceError('invalid_file', `has ${size} bytes, expected ${bytes}`)
  const found = await (file instanceof MemoryFile ? sha256InSlices(file.content) : sha256File(file as FileHandle))
  if (found !== sha256) throw new ServiceError('invalid_file', `has SHA-256 ${found}, expected ${sha256}`)
}

/** A stored file as decoders read it. */
export async function toVerifiedFile (name: string, file: StoredFile): Promise<VerifiedFile> {
  return {
    name,
    byteLength: (await file.stat()).size,
    async slice (start, end) {
      const buffer = Buffer.allocUnsafeSlow(end - start)
      for (let at = 0; at < buffer.length;) {
        const { bytesRead } = await file.read(buffer, at, buffer.length - at, start + at)
        if (bytesRead === 0) throw new ServiceError('invalid_file', 'ends early')
        at += bytesRead
      }
      return buffer
    }
  }
}

/** A file that is downloaded into memory, since no disk can be written. */
class MemoryFile implements StoredFile, Sink {
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
