import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import type { ArchiveEntry, FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { readZipEntry, type ZipHandle } from '../decode/zip.ts'
import { openUnlinkedFile } from '../disk/atomic-write.ts'
import { sha256File, sha256InSlices } from '../disk/hash.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import { download } from './download.ts'
import type { HttpClient } from './http-client.ts'
import { MemoryZip } from './memory-zip.ts'
import { reportDownload } from './report-download.ts'
import { FileSink, type Sink } from './sinks.ts'
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
  #opening: Promise<ZipHandle | undefined> | undefined

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
  async #open (signal: AbortSignal, report: ReportProgress): Promise<ZipHandle | undefined> {
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
      await cache.markVerified(sha256, path).catch(error => warn(`not marked as verified: ${messageOf(error)}`))
      return handle
    } catch (error) {
      await handle.close()
      const name = basename(this.#archive.url)
      const isCached = path === cache.path(sha256)
      warn(`${name} in ${isCached ? 'the cache' : 'SOURCE_DIR'} ${messageOf(error)}`)
      if (isCached) await cache.quarantine({ name, sha256 }).catch(error => warn(messageOf(error)))
      return undefined
    }
  }

  /** Downloads into the cache, else into an unlinked temporary file, else into memory. */
  async #download (http: HttpClient, signal: AbortSignal, report: ReportProgress): Promise<ZipHandle> {
    const { cache, warn } = this.#options
    const { url, bytes, sha256 } = this.#archive
    const name = basename(url)
    const progress = reportDownload(name, bytes, report)
    const receive = async (sink: Sink): Promise<void> => {
      await download(url, { http, sink, maxBytes: bytes, signal, progress }).catch(cause => {
        throw cause instanceof ServiceError
          ? cause
          : new ServiceError('source_unavailable', messageOf(cause), { cause })
      })
    }
    const fill = async (handle: FileHandle): Promise<void> => {
      await receive(new FileSink(handle))
      await this.#verify(handle)
    }
    try {
      await cache.write(sha256, name, fill)
      const path = cache.path(sha256)
      await cache.markVerified(sha256, path).catch(error => warn(`not marked as verified: ${messageOf(error)}`))
      return await open(path, 'r')
    } catch (error) {
      if (isFailureToDownload(error)) throw error
      warn(messageOf(error))
    }
    try {
      return await fillUnlinked(fill)
    } catch (error) {
      if (isFailureToDownload(error)) throw error
      warn(`${name} stays in memory, since no temporary file can be written: ${messageOf(error)}`)
    }
    const zip = new MemoryZip(bytes)
    await receive(zip)
    this.#compare(zip.content.length, await sha256InSlices(zip.content))
    return zip
  }

  /** @throws ServiceError invalid_file: wrong size or hash */
  async #verify (handle: FileHandle): Promise<void> {
    const { size } = await handle.stat()
    this.#compare(size, size === this.#archive.bytes ? await sha256File(handle) : '')
  }

  #compare (foundBytes: number, foundSha256: string): void {
    const { bytes, sha256 } = this.#archive
    if (foundBytes !== bytes) throw new ServiceError('invalid_file', `has ${foundBytes} bytes, expected ${bytes}`)
    if (foundSha256 !== sha256) {
      throw new ServiceError('invalid_file', `has SHA-256 ${foundSha256}, expected ${sha256}`)
    }
  }
}

/** Whether the network or the server failed, rather than the disk, so that no other place for the file would help. */
function isFailureToDownload (error: unknown): boolean {
  return error instanceof ServiceError && error.code !== 'cache_unwritable'
}

async function fillUnlinked (fill: (handle: FileHandle) => Promise<void>): Promise<FileHandle> {
  const handle = await openUnlinkedFile(tmpdir())
  try {
    await fill(handle)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}
