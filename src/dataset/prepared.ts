import type { DatasetEntry } from './entry.ts'
import type { ImageShape } from './image-shape.ts'
import type { FileProvenance } from './originals.ts'
import { perSplit, type Samples, type SplitName } from './sample-splits.ts'
import type { BackendName, PrepareSettings, SplitSettings } from './settings.ts'

/** A dataset that batches are served from. Arrays are immutable, contiguous and little-endian. */
export interface PreparedDataset extends DatasetIdentity, DatasetFacts {
  /** float32 channels·rows·columns, in units of full scale. */
  readonly meanImage: Float32Array
  /** float32 of 256 each: the value of every pixel level, for the normalizations that do not depend on the position. */
  readonly levels: { readonly unit: Float32Array, readonly standard: Float32Array }
  readonly splits: Readonly<Record<SplitName, PreparedSplit>>
}

export interface PreparedSplit extends Samples {
  /** u8 count·channels·rows·columns, in memory that threads share. */
  readonly images: Uint8Array
  readonly pixels: PixelStatistics
  /** Number of samples of each class. */
  readonly histogram: readonly number[]
}

/** Mean and population standard deviation of denoised pixels, in units of full scale (255 = 1). */
export interface PixelStatistics {
  readonly mean: number
  readonly std: number
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
  readonly standard: PixelStatistics
}

/** The arrays that preparation computes and artifacts contain, images in shared memory. */
export interface DatasetArrays extends Pick<PreparedDataset, 'meanImage' | 'levels'> {
  readonly splits: Readonly<Record<SplitName, Pick<Samples, 'images' | 'labels'>>>
}

export function createPreparedDataset (
  { entry, version, settings }: DatasetIdentity,
  facts: DatasetFacts & { readonly pixels: Readonly<Record<SplitName, PixelStatistics>> },
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
