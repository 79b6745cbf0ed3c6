import { allocateRows } from '../memory/row-memory.ts'
import { inTimeSlices } from '../scheduling/event-loop.ts'
import { imageCenterer } from './center.ts'
import type { DatasetEntry } from './entry.ts'
import type { ImageShape } from './image-shape.ts'
import type { FileProvenance } from './originals.ts'
import { perSplit, splitNames, type Samples, type SplitName } from './sample-splits.ts'
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
  /** float32 count·channels·rows·columns: x/255 − mean image; in shared memory, too. */
  readonly centered: Float32Array
  /** float32 count·classes. */
  readonly onehot: Float32Array
  /** Labels as int64 of count. */
  readonly index: BigInt64Array
  /** int32 of count: the position of each sample in the split. */
  readonly ids: Int32Array
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

/** The arrays that preparation computes and artifacts contain, images in shared memory. All others are derived. */
export interface SourceArrays extends Pick<PreparedDataset, 'meanImage' | 'levels'> {
  readonly splits: Readonly<Record<SplitName, Pick<Samples, 'images' | 'labels'>>>
}

export interface DatasetArrays extends Pick<PreparedDataset, 'meanImage' | 'levels'> {
  readonly splits: Readonly<Record<SplitName, SplitArrays>>
}

export type SplitArrays = Pick<PreparedSplit, 'images' | 'labels' | 'centered' | 'onehot' | 'index' | 'ids'>

/** Pixels derived at a time: a fraction of a millisecond of work. */
const STEP_PIXELS = 1 << 17
const STEP_LABELS = 1 << 13

/**
 * Derives centered images, one-hot labels, int64 labels and ids. Yields to the event loop between time slices.
 *
 * @param classes number of classes
 */
export async function deriveArrays (source: SourceArrays, classes: number): Promise<DatasetArrays> {
  const derived: Partial<Record<SplitName, SplitArrays>> = {}
  for (const name of splitNames) derived[name] = await deriveSplit(source, name, classes)
  const { meanImage, levels } = source
  return { meanImage, levels, splits: derived as Required<typeof derived> }
}

async function deriveSplit (
  { meanImage, levels, splits }: SourceArrays,
  name: SplitName,
  classes: number
): Promise<SplitArrays> {
  const { images, labels } = splits[name]
  const count = labels.length
  const size = meanImage.length
  const center = imageCenterer(levels.unit, meanImage)
  const centered = new Float32Array(allocateRows(4 * images.length).buffer, 0, images.length)
  const onehot = new Float32Array(count * classes)
  const index = new BigInt64Array(count)
  const ids = new Int32Array(count)
  await inTimeSlices(images.length, STEP_PIXELS, (from, to) => {
    center(images.subarray(from, to), centered.subarray(from, to), from % size)
  })
  await inTimeSlices(count, STEP_LABELS, (start, end) => {
    for (let i = start; i < end; i++) {
      onehot[i * classes + labels[i]!] = 1
      index[i] = BigInt(labels[i]!)
      ids[i] = i
    }
  })
  return { images, labels, centered, onehot, index, ids }
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
