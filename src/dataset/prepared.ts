import type { DatasetEntry } from './entry.ts'
import type { ImageShape } from './image-shape.ts'
import type { FileProvenance } from './originals.ts'
import { perSplit, type Samples, type SplitName } from './sample-splits.ts'
import type { BackendName, PrepareSettings, SplitSettings } from './settings.ts'

/** A dataset that batches are served from. Arrays are immutable, contiguous and little-endian. */
export interface PreparedDataset extends DatasetIdentity, DatasetFacts {
  /** float32 channels·rows·columns, in units of full scale. */
  readonly meanImage: Float32Array
  /** float32: the value of each of the 256 pixel levels; of `standard` for one channel after the other. */
  readonly levels: { readonly unit: Float32Array, readonly standard: Float32Array }
  readonly splits: Readonly<Record<SplitName, PreparedSplit>>
}

export interface PreparedSplit extends Samples {
  /** u8 count·channels·rows·columns, in memory that threads share. */
  readonly images: Uint8Array
  readonly pixels: ChannelStatistics
  /** Number of samples of each class. */
  readonly histogram: readonly number[]
}

/** Mean and population standard deviation of denoised pixels, in units of full scale (255 = 1). */
export interface PixelStatistics {
  readonly mean: number
  readonly std: number
}

/** Those of each channel. */
export type ChannelStatistics = readonly PixelStatistics[]

/** Statistics as documents have them: those of gray images are numbers, others lists of one number per channel. */
export interface PublicStatistics {
  readonly mean: number | readonly number[]
  readonly std: number | readonly number[]
}

export function publicStatistics (channels: ChannelStatistics): PublicStatistics {
  if (channels.length === 1) return channels[0]!
  return { mean: channels.map(({ mean }) => mean), std: channels.map(({ std }) => std) }
}

/** Known before a dataset is prepared. */
export interface DatasetIdentity {
  readonly entry: DatasetEntry
  /** 16 hexadecimal digits that identify the data, the settings and the algorithm. */
  readonly version: string
  readonly settings: { readonly split: SplitSettings, readonly prepare: PrepareSettings }
}

/** Known once a dataset is prepared. */
export interface DatasetFacts {
  readonly shape: ImageShape
  readonly backend: BackendName
  readonly files: readonly FileProvenance[]
  /** Number of images that the mean image averages. */
  readonly meanCount: number
  /** μ and σ of `standard` over the training split, rounded to float32. */
  readonly standard: ChannelStatistics
}

/** The arrays that preparation computes and artifacts contain, images in shared memory. */
export interface DatasetArrays extends Pick<PreparedDataset, 'meanImage' | 'levels'> {
  readonly splits: Readonly<Record<SplitName, Pick<Samples, 'images' | 'labels'>>>
}

export function createPreparedDataset (
  { entry, version, settings }: DatasetIdentity,
  facts: DatasetFacts & { readonly pixels: Readonly<Record<SplitName, ChannelStatistics>> },
  { meanImage, levels, splits }: DatasetArrays
): PreparedDataset {
  const { shape, backend, files, meanCount, standard, pixels } = facts
  return {
    entry,
    version,
    settings,
    shape,
    backend,
    files,
    meanCount,
    standard,
    meanImage,
    levels,
    splits: perSplit(name => ({
      ...splits[name],
      count: splits[name].labels.length,
      pixels: pixels[name],
      histogram: countClasses(splits[name].labels, entry.classes.length)
    }))
  }
}

function countClasses (labels: Uint8Array, classes: number): number[] {
  const counts: number[] = new Array(classes).fill(0)
  for (const label of labels) counts[label]!++
  return counts
}
