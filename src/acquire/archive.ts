import { createHash, randomUUID } from 'node:crypto'
import { open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ArchiveEntry, FileEntry, ReportProgress } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import { download } from './download.ts'
import { pacedReport } from './pace.ts'
import { FileSink } from './sink.ts'
import type { Source } from './source.ts'
import type { Web } from './web.ts'
import { readZipEntry } from './zip.ts'

export interface ArchiveOptions {
  readonly cache: FileCache
  /** Where the archive may lie already, beside the cache. */
  readonly paths: readonly string[]
  /** What it is downloaded by; undefined where the network is forbidden. */
  readonly web: Web | undefined
  readonly warn: (message: string) => void
}

/** Largest member that is read: an IDX file, gzipped. */
const MEMBER_LIMIT = 1 << 30

/** A zip that has a dataset's files. It is kept whole, shared by all datasets that are in it, and read member by member. */
export class Archive implements Source {
  readonly name: string
  /** The zip is kept, not its members. */
  readonly remote = false
  readonly vouches = true
  readonly #archive: ArchiveEntry
  readonly #options: ArchiveOptions
  #opening: Promise<FileHandle | undefined> | undefined

  constructor (archive: ArchiveEntry, options: ArchiveOptions) {
    this.name = archive.url
    this.#archive = archive
    this.#options = options
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array | undefined> {
    try {
      const zip = await (this.#opening ??= this.#open(signal, report))
      return zip && await readZipEntry(zip, `${this.#archive.folder}${file.name}.gz`, MEMBER_LIMIT)
    } catch (cause) {
      signal.throwIfAborted()
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  async close (): Promise<void> {
    const zip = await this.#opening?.catch(() => undefined)
    await zip?.close()
    this.#opening = undefined
  }

  /** The verified zip; undefined where it is not at hand, and nothing may be downloaded. */
  async #open (signal: AbortSignal, report: ReportProgress): Promise<FileHandle | undefined> {
    const { cache, paths, web, warn } = this.#options
    const { sha256 } = this.#archive
    for (const path of paths) {
      const found = await this.#openVerified(path)
      if (found) return found
    }
    return await cache.exclusively(sha256, { signal, warn }, async () => await this.#openVerified(cache.path(sha256)) ?? (web && await this.#download(web, signal, report)))
  }

  /** Verified in full the first time, and whenever the file has changed. */
  async #openVerified (path: string): Promise<FileHandle | undefined> {
    const { cache, warn } = this.#options
    const { sha256 } = this.#archive
    const handle = await open(path, 'r').catch(() => undefined)
    if (!handle || await cache.isStamped(sha256, path)) return handle
    try {
      await this.#verify(handle)
      await cache.stamp(sha256, path).catch((error: Error) => warn(error.message))
      return handle
    } catch (error) {
      await handle.close()
      warn(`${path} ${messageOf(error)}`)
      if (path === cache.path(sha256)) await cache.setAside({ name: path, dimensions: [], sha256 })
      return undefined
    }
  }

  /** Into the cache, or where that cannot be written into a nameless file that ends with this process. */
  async #download (web: Web, signal: AbortSignal, report: ReportProgress): Promise<FileHandle> {
    const { cache, warn } = this.#options
    const { url, bytes, sha256 } = this.#archive
    const name = url.slice(url.lastIndexOf('/') + 1)
    const paced = pacedReport(name, report)
    const fill = async (handle: FileHandle): Promise<void> => {
      await download(url, { web, sink: new FileSink(handle), ceiling: bytes, signal, progress: done => paced(done, bytes) }).catch(cause => {
        // The disk's own errors say so; all others are the network's.
        throw cause.syscall === 'write' ? cause : new ServiceError('source_unavailable', messageOf(cause), { cause })
      })
      await this.#verify(handle)
    }
    try {
      await cache.write(sha256, name, fill)
      await cache.stamp(sha256, cache.path(sha256)).catch((error: Error) => warn(error.message))
      return await open(cache.path(sha256), 'r')
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'cache_unwritable')) throw error
      warn(error.message)
    }
    const scratch = join(tmpdir(), randomUUID())
    const handle = await open(scratch, 'wx+', 0o600)
    await rm(scratch)
    try {
      await fill(handle)
      return handle
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #verify (handle: FileHandle): Promise<void> {
    const { bytes, sha256 } = this.#archive
    const { size } = await handle.stat()
    if (size !== bytes) throw new ServiceError('invalid_file', `has ${size} bytes, expected ${bytes}`)
    const hash = createHash('sha256')
    for await (const chunk of handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk)
    const found = hash.digest('hex')
    if (found !== sha256) throw new ServiceError('invalid_file', `has SHA-256 ${found}, expected ${sha256}`)
  }
}
