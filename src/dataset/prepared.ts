import { perSplit, type BackendName, type DatasetEntry, type FileProvenance, type PixelStatistics, type PrepareSettings, type PreparedDataset, type SplitName, type SplitSettings } from './entry.ts'
import { preparedSplit } from './split.ts'

/** What a dataset is known by before it is prepared. */
export interface Identity {
  readonly entry: DatasetEntry
  readonly version: string
  readonly settings: { readonly split: SplitSettings, readonly prepare: PrepareSettings }
}

/** What preparation found out, or a manifest says. */
export interface Facts {
  readonly rows: number
  readonly columns: number
  readonly backend: BackendName
  readonly files: readonly FileProvenance[]
  readonly meanCount: number
  readonly standard: PixelStatistics
  readonly pixels: Readonly<Record<SplitName, PixelStatistics>>
}

/** All of it but the files, which have nothing to do with what was prepared. */
export type DatasetToServe = Omit<PreparedDataset, 'originals'>

export interface Arrays {
  readonly meanImage: Float32Array
  readonly levels: PreparedDataset['levels']
  readonly splits: Readonly<Record<SplitName, {
    readonly images: Uint8Array
    readonly centered: Float32Array
    readonly labels: Uint8Array
    readonly onehot: Float32Array
  }>>
}

/** Puts together what is served of a dataset. */
export function preparedDataset (identity: Identity, { rows, columns, backend, files, meanCount, standard, pixels }: Facts, { meanImage, levels, splits }: Arrays): DatasetToServe {
  const classes = identity.entry.classes.length
  return {
    ...identity,
    rows,
    columns,
    backend,
    files,
    meanCount,
    standard,
    meanImage,
    levels,
    splits: perSplit(name => preparedSplit({ ...splits[name], pixels: pixels[name], classes }))
  }
}
