import type { FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { download, downloadFrom } from './download.ts'
import { Endpoint } from './endpoint.ts'
import { HttpClient } from './http-client.ts'
import { reportDownload } from './report-download.ts'
import { MemorySink } from './sinks.ts'
import type { OpenContext, Source } from './source.ts'
import { storePinned, type PinnedFile, type StoredFile } from './stored-file.ts'

/** A web server with the files of a dataset under one base URL, gzipped unless they are plain. */
export class Mirror implements Source {
  readonly name: string
  readonly remote = true
  readonly #address: string
  readonly #http: HttpClient
  /** Files whose last download was assembled from several responses. */
  readonly #resumed = new Set<FileEntry>()

  /**
   * @param address URL to whose path a file's name and `.gz` are appended
   * @param name of an address that is not public
   */
  constructor (address: string, http = new HttpClient(), name = new Endpoint(address).publicName) {
    this.name = name
    this.#address = address
    this.#http = http
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array> {
    const sink = new MemorySink()
    const maxBytes = maxGzipBytes(file)
    // If the last download was resumed and failed verification, this one must come from a single response.
    const resume = !this.#resumed.delete(file)
    try {
      const endpoint = new Endpoint(this.#address)
      const responses = await download(endpoint.resolve(`${file.name}.gz`), {
        http: this.#http,
        headers: endpoint.headers,
        sink,
        maxBytes,
        signal,
        resume,
        progress: reportDownload(file.name, file.gzip?.bytes ?? maxBytes, report)
      })
      if (responses > 1) this.#resumed.add(file)
      return await sink.bytes()
    } catch (cause) {
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  async open (file: PinnedFile, { signal, report, ...context }: OpenContext): Promise<StoredFile> {
    const { name, bytes } = file
    const endpoint = new Endpoint(this.#address)
    const progress = reportDownload(name, bytes, report)
    const options = { http: this.#http, headers: endpoint.headers, maxBytes: bytes, signal, progress }
    return await storePinned(sink => downloadFrom(endpoint.resolve(name), { ...options, sink }), file, context)
  }

  wasResumed (file: FileEntry): boolean {
    return this.#resumed.has(file)
  }
}

/** Upper bound for the gzip of a file: stored blocks add 5 bytes per 64 KiB, the header a file name. */
function maxGzipBytes ({ bytes }: FileEntry): number {
  return Math.ceil(bytes * 1.001) + 4096
}
