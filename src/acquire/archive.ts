import { basename } from 'node:path'
import type { ArchiveEntry, FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { readZipEntry, type ZipHandle } from '../decode/zip.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { FileCache } from './cache.ts'
import { downloadFrom } from './download.ts'
import type { HttpClient } from './http-client.ts'
import { reportDownload } from './report-download.ts'
import type { Sink } from './sinks.ts'
import type { Source } from './source.ts'
import { openCached, openPinned, storePinned, type PinnedFile } from './stored-file.ts'

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
  readonly #file: PinnedFile
  readonly #options: ArchiveOptions
  #opening: Promise<ZipHandle | undefined> | undefined

  constructor (archive: ArchiveEntry, options: ArchiveOptions) {
    this.name = archive.url
    this.#archive = archive
    this.#file = { ...archive, name: basename(archive.url) }
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
    for (const path of paths) {
      const handle = await openPinned(path, 'SOURCE_DIR', this.#file, this.#options)
      if (handle) return handle
    }
    return await cache.withLock(this.#file.sha256, { signal, warn }, async () => {
      return await openCached(this.#file, this.#options) ?? (http && await this.#download(http, signal, report))
    })
  }

  async #download (http: HttpClient, signal: AbortSignal, report: ReportProgress): Promise<ZipHandle> {
    const { url, bytes } = this.#archive
    const progress = reportDownload(this.#file.name, bytes, report)
    const receive = (sink: Sink) => downloadFrom(url, { http, sink, maxBytes: bytes, signal, progress })
    return await storePinned(receive, this.#file, this.#options)
  }
}
