import type { FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import type { PinnedFile, StorageContext, StoredFile } from './stored-file.ts'

export interface OpenContext extends StorageContext {
  readonly signal: AbortSignal
  readonly report: ReportProgress
}

/** A place that may have a dataset's files. Its bytes are untrusted: the caller verifies them. */
export interface Source {
  /** Name in logs and in the provenance. */
  readonly name: string
  /** Whether files come over the network, so that they are worth caching. */
  readonly remote: boolean
  /** Whether files come from an archive whose own hash was verified. */
  readonly trusted?: boolean
  /**
   * Reads a file, gzipped or not.
   *
   * @returns undefined if this source does not have the file
   * @throws ServiceError source_unavailable, with the reason
   */
  read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array | undefined>
  /**
   * Opens a plain file on disk, verified. The caller closes it.
   *
   * @returns undefined if this source does not have the file
   */
  open? (file: PinnedFile, context: OpenContext): Promise<StoredFile | undefined>
  /**
   * Whether the bytes last read were assembled from several responses, perhaps of different versions of the file.
   * Reading again then fetches the file in one response.
   */
  wasResumed? (file: FileEntry): boolean
  /** Releases resources once all files are read. */
  close? (): Promise<void>
}

export async function closeSources (sources: readonly Source[]): Promise<void> {
  for (const source of sources) await source.close?.()
}
