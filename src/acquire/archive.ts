import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import type { ArchiveEntry, FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { readZipEntry } from '../decode/zip.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { openUnlinkedFile } from '../io/atomic-write.ts'
import { sha256File } from '../io/hash.ts'
import type { FileCache } from './cache.ts'
import { FileSink, download, reportDownload } from './download.ts'
import type { HttpClient } from './http-client.ts'
import type { Source } from './source.ts'

export interface ArchiveOptions {
  readonly cache: FileCache
  /** Local paths to try before the cache. */
  readonly paths: readonly string[]
  /** Downloads the archive; undefined if it must not be downloaded. */
  readonly http: HttpClient | undefined
  readonly warn: (message: string) => void
}

/** Largest accepted member, uncompressed: an IDX file, gzipped. */
const MEMBER_LIMIT = 1 << 30

/** A zip with a dataset's files. The whole zip is cached, shared by all datasets in it; files are read on demand. */
export class Archive implements Source {
  readonly name: string
  /** The cache holds the zip, not its members. */
  readonly remote = false
  readonly trusted = true
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

  /** Opens the verified zip; undefined if there is no local copy and downloads are disabled. */
  async #open (signal: AbortSignal, report: ReportProgress): Promise<FileHandle | undefined> {
    const { cache, paths, http, warn } = this.#options
    const { sha256 } = this.#archive
    for (const path of paths) {
      const handle = await this.#openVerified(path)
      if (handle) return handle
    }
    return await cache.withLock(sha256, { signal, warn }, async () => {
      return await this.#openVerified(cache.path(sha256)) ?? (http && await this.#download(http, signal, report))
    })
  }

  /** Hashes the whole file, unless it is unchanged since the last time. */
  async #openVerified (path: string): Promise<FileHandle | undefined> {
    const { cache, warn } = this.#options
    const { sha256 } = this.#archive
    const handle = await open(path, 'r').catch(() => undefined)
    if (!handle || await cache.isUnchanged(sha256, path)) return handle
    try {
      await this.#verify(handle)
      await cache.markVerified(sha256, path).catch((error: Error) => warn(error.message))
      return handle
    } catch (error) {
      await handle.close()
      warn(`${path} ${messageOf(error)}`)
      if (path === cache.path(sha256)) await cache.quarantine({ name: path, sha256 })
      return undefined
    }
  }

  /** Downloads into the cache, or into an unlinked temporary file if the cache cannot be written. */
  async #download (http: HttpClient, signal: AbortSignal, report: ReportProgress): Promise<FileHandle> {
    const { cache, warn } = this.#options
    const { url, bytes, sha256 } = this.#archive
    const name = url.slice(url.lastIndexOf('/') + 1)
    const progress = reportDownload(name, bytes, report)
    const fill = (handle: FileHandle) => this.#fill(handle, http, signal, progress)
    try {
      await cache.write(sha256, name, fill)
      await cache.markVerified(sha256, cache.path(sha256)).catch((error: Error) => warn(error.message))
      return await open(cache.path(sha256), 'r')
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'cache_unwritable')) throw error
      warn(error.message)
    }
    const handle = await openUnlinkedFile(tmpdir())
    try {
      await fill(handle)
      return handle
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #fill (
    handle: FileHandle,
    http: HttpClient,
    signal: AbortSignal,
    progress: ReturnType<typeof reportDownload>
  ): Promise<void> {
    const { url, bytes } = this.#archive
    const sink = new FileSink(handle)
    await download(url, { http, sink, maxBytes: bytes, signal, progress }).catch(cause => {
      // A write error is the disk's, so another file may work; all others are the network's.
      throw cause.syscall === 'write' ? cause : new ServiceError('source_unavailable', messageOf(cause), { cause })
    })
    await this.#verify(handle)
  }

  /** @throws ServiceError invalid_file: wrong size or hash */
  async #verify (handle: FileHandle): Promise<void> {
    const { bytes, sha256 } = this.#archive
    const { size } = await handle.stat()
    if (size !== bytes) throw new ServiceError('invalid_file', `has ${size} bytes, expected ${bytes}`)
    const found = await sha256File(handle)
    if (found !== sha256) throw new ServiceError('invalid_file', `has SHA-256 ${found}, expected ${sha256}`)
  }
}
