import type { DatasetEntry, FileEntry } from '../dataset/entry.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import type { RawDataset } from '../dataset/sample-splits.ts'
import { formatOf } from '../decode/decoders.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Source } from './source.ts'
import { toVerifiedFile, type StoredFile } from './stored-file.ts'

/** One file with all samples of a dataset. */
export interface SampleFile {
  /** Name of its source. */
  readonly name: string
  /** Opens the verified file. The caller closes it. */
  open (signal: AbortSignal, report: ReportProgress): Promise<StoredFile>
}

/**
 * The published files of a dataset, written from the same samples in another format. That file is decoded once for all
 * of them; their hashes show that the samples are the same.
 */
export class ConvertedSource implements Source {
  readonly name: string
  readonly remote = true
  readonly #published: DatasetEntry
  readonly #found: DatasetEntry
  readonly #file: SampleFile
  #reading: Promise<RawDataset> | undefined

  /**
   * @param published the dataset in its published files, whose format can be encoded
   * @param found the same dataset in the format of `file`
   */
  constructor (published: DatasetEntry, found: DatasetEntry, file: SampleFile) {
    this.name = file.name
    this.#published = published
    this.#found = found
    this.#file = file
  }

  async read (file: FileEntry, signal: AbortSignal, report: ReportProgress): Promise<Uint8Array> {
    try {
      const raw = await (this.#reading ??= this.#decode(signal, report))
      return formatOf(this.#published).encode!(raw, this.#published.files.indexOf(file))
    } catch (cause) {
      signal.throwIfAborted()
      throw new ServiceError('source_unavailable', messageOf(cause), { cause })
    }
  }

  async close (): Promise<void> {
    this.#reading = undefined
  }

  async #decode (signal: AbortSignal, report: ReportProgress): Promise<RawDataset> {
    const stored = await this.#file.open(signal, report)
    try {
      return await formatOf(this.#found).decode([await toVerifiedFile(this.#file.name, stored)], this.#found)
    } finally {
      await stored.close()
    }
  }
}
