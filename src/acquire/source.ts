import type { FileEntry, ReportProgress } from '../dataset/entry.ts'

/** A place that may have a dataset's files. What it gives is not trusted: whoever reads it verifies it. */
export interface Source {
  /** As logs and metadata name it. */
  readonly name: string
  /** Whether what it gives is worth a place in the cache: true for what came over a network. */
  readonly remote: boolean
  /** Whether what it gives came out of an archive whose own hash was verified. */
  readonly vouches?: boolean
  /**
   * The file's bytes, gzipped or not; undefined where this source never has the file.
   *
   * @throws ServiceError source_unavailable, with the reason
   */
  read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array | undefined>
  /** Whether the bytes given last may be parts of two different files: read again, they will not be. */
  mayBeMixed? (file: FileEntry): boolean
  /** Lets go of what it holds, once all files are read. */
  close? (): Promise<void>
}
