import type { DatasetEntry } from '../dataset/entry.ts'
import type { RawDataset } from '../dataset/sample-splits.ts'

/** A file whose bytes are those that its entry pins, on disk or in memory. */
export interface VerifiedFile {
  readonly name: string
  readonly byteLength: number
  /** The bytes from `start` up to `end`; a view if they are in memory. */
  slice (start: number, end: number): Promise<Uint8Array>
}

/** A folder that may have the files of a dataset. */
export interface FolderListing {
  readonly name: string
  /** The files whose names match, sorted by name. A folder of a matching name stands for the matching files in it. */
  find (matches: (name: string) => boolean): Promise<readonly ListedFile[]>
}

export interface ListedFile {
  /** Without folders. */
  readonly name: string
  /** Reads the content, decompressed if it is gzipped. */
  read (): Promise<Uint8Array>
}

/** A format of the files of a dataset. */
export interface DatasetFormat {
  /** As in `DatasetEntry.format`. */
  readonly name: string
  /**
   * Declares the dataset in a folder, recognized by its files.
   *
   * @returns undefined if no file has this format
   * @throws ServiceError no_source, which names what is missing or invalid
   */
  declare? (folder: FolderListing): Promise<DatasetEntry | undefined>
  /**
   * Decodes the files of a dataset, in the order of its entry.
   *
   * @throws ServiceError invalid_file, with the reason
   */
  decode (files: readonly VerifiedFile[], entry: DatasetEntry): Promise<RawDataset>
  /** Encodes a file of the entry, by its position. Given if `decode` loses nothing. */
  encode? (raw: RawDataset, file: number): Uint8Array
}

/** All bytes of a file. */
export async function readAll (file: VerifiedFile): Promise<Uint8Array> {
  return await file.slice(0, file.byteLength)
}

/** A verified file in memory. */
export function fileInMemory (name: string, content: Uint8Array): VerifiedFile {
  return { name, byteLength: content.length, slice: async (start, end) => content.subarray(start, end) }
}
