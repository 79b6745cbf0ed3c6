import type { SplitName } from '../../src/dataset/sample-splits.ts'

/** The bodies of the API, as far as this page reads them. */

export interface Progress {
  readonly stage: string
  readonly item: string
  readonly done: number
  readonly total: number
  readonly rate?: number
  readonly remaining?: number
}

export interface DatasetState {
  readonly name: string
  readonly title: string
  readonly status: 'ready' | 'loading' | 'failed'
  readonly version?: string
  readonly progress?: Progress
  readonly reason?: string
  readonly attempts?: number
  readonly next_attempt?: string
}

/** Of colour images, one number per channel. */
export interface Statistics {
  readonly mean: number | readonly number[]
  readonly std: number | readonly number[]
}

export interface DatasetList {
  readonly datasets: readonly DatasetState[]
  readonly limits: { readonly default_batch_size: number, readonly max_batch_size: number }
}

export interface Dataset {
  readonly dataset: string
  readonly version: string
  readonly title: string
  readonly description: string
  /** Rows and columns, after the channels of colour images. */
  readonly shape: readonly number[]
  readonly classes: readonly string[]
  readonly splits: Readonly<Record<SplitName, number>>
  readonly preparation: {
    readonly split: string
    readonly val_fraction: number
    readonly split_seed: number
    readonly denoise: string
    readonly mean_over: string
    readonly mean_count: number
    readonly standard: Statistics
    readonly adjustments: { readonly transposed: boolean }
    readonly backend: string
  }
  readonly provenance: {
    readonly homepage: string
    readonly licence: { readonly name: string, readonly url: string }
    readonly citation: string
    readonly files: ReadonlyArray<{
      readonly name: string
      readonly bytes: number
      readonly sha256: string
      readonly source: string
    }>
  }
}

export interface Split {
  readonly count: number
  readonly classes: ReadonlyArray<{ readonly label: number, readonly name: string, readonly count: number }>
  readonly pixels: Statistics
}
