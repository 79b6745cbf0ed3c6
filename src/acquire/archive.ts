import { open, type FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ArchiveEntry, FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { readZipEntry, type ZipHandle } from '../decode/zip.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import { downloadFrom } from './download.ts'
import type { HttpClient } from './http-client.ts'
import { reportDownload } from './report-download.ts'
import type { Source } from './source.ts'
import { storeDownload, verifyStored } from './stored-file.ts'

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
      await verifyStored(handle, this.#archive)
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

  async #download (http: HttpClient, signal: AbortSignal, report: ReportProgress): Promise<ZipHandle> {
    const { cache, warn } = this.#options
    const { url, bytes, sha256 } = this.#archive
    const name = basename(url)
    const progress = reportDownload(name, bytes, report)
    return await storeDownload(sink => downloadFrom(url, { http, sink, maxBytes: bytes, signal, progress }), {
      name, maxBytes: bytes, sha256, cache, warn, verify: file => verifyStored(file, this.#archive)
    })
  }
}
