import type { SplitName } from './sample-splits.ts'

/** Where samples lie in the plane, so that similar ones are close to each other, and what that reveals. */
export interface DatasetMap {
  /** float32 [count, 2] of each split, in one plane. */
  readonly points: Readonly<Record<SplitName, Float32Array>>
  /** The most similar pairs of each two splits, and within each, the most similar first. */
  readonly duplicates: readonly Duplicate[]
  /** Samples whose neighbours have another label, those farthest from their own first. */
  readonly suspects: readonly Suspect[]
  /** Identifies the content: 16 hexadecimal digits. */
  readonly hash: string
}

export interface SampleReference {
  readonly split: SplitName
  readonly id: number
  readonly label: number
}

export interface Duplicate {
  readonly first: SampleReference
  readonly second: SampleReference
  /** Euclidean distance of the pixels, relative to the length of the longer vector: 0 for identical images. */
  readonly distance: number
}

export interface Suspect extends SampleReference {
  /** The label that most neighbours have. */
  readonly suggested: number
  /** Neighbours with the suggested label. */
  readonly votes: number
  /** Neighbours with the sample's own label. */
  readonly own: number
  readonly neighbours: number
  /** Distance to the nearest samples with its own label, in units of that to the nearest with the suggested one. */
  readonly ratio: number
}

export const mapStages = ['components', 'neighbours', 'findings', 'layout'] as const

/** How far the computation of a map is. */
export interface MapProgress {
  readonly stage: (typeof mapStages)[number]
  /** Share of the stage that is done, 0 … 1. */
  readonly done: number
}

/** The map of a dataset, which takes a minute to compute. */
export interface MapSource {
  /**
   * The map, or how far its computation is, which the first call starts.
   *
   * @throws ServiceError map_failed
   */
  get (): Promise<DatasetMap | MapProgress>
}
