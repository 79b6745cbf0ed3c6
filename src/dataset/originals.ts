/** Where a verified file came from. */
export interface FileProvenance {
  readonly name: string
  readonly bytes: number
  /** SHA-256 of the uncompressed content, hexadecimal. */
  readonly sha256: string
  /** Name of the source. */
  readonly source: string
  /** Whether the source had the publisher's own gzip. */
  readonly gzipped: boolean
}

/**
 * The original files of a dataset for download: each under its publisher's name, and gzipped with `.gz` appended unless
 * it is plain.
 */
export interface Originals {
  /**
   * One per file, in the order of the entry, undefined for plain ones; known without reading or compressing anything.
   */
  readonly gzips: ReadonlyArray<GzipListing | undefined>
  /**
   * Opens a verified file. The first call may wait for it to be acquired or compressed.
   *
   * @throws ServiceError unknown_file, which names the existing files; or why the file is unavailable
   */
  open (name: string): Promise<OriginalFile>
}

/** A gzipped file before it is opened. Size and hashes are known only for the publisher's own bytes. */
export interface GzipListing {
  readonly name: string
  /** Whether it consists of the publisher's own bytes. */
  readonly original: boolean
  readonly made: 'downloaded' | 'reproduced' | 'compressed'
  readonly bytes?: number
  readonly md5?: string
  readonly sha256?: string
}

export interface OriginalFile {
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  /** SHA-256, hexadecimal. */
  readonly sha256: string
  /** Whether the name can never stand for other bytes. */
  readonly immutable: boolean
  /** Streams the bytes from `start` up to and including `end`. */
  read (start: number, end: number): Promise<NodeJS.ReadableStream>
}
