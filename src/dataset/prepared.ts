import { inTimeSlices } from '../io/event-loop.ts'
import { imageCenterer } from './center.ts'
import { perSplit, splitNames, type BackendName, type DatasetEntry, type FileProvenance, type PixelStatistics, type PrepareSettings, type PreparedDataset, type PreparedSplit, type Samples, type SplitName, type SplitSettings } from './entry.ts'

/** What a dataset is known by before it is prepared. */
export interface DatasetIdentity {
  readonly entry: DatasetEntry
  readonly version: string
  readonly settings: { readonly split: SplitSettings, readonly prepare: PrepareSettings }
}

/** The part of a prepared dataset that is neither its identity nor an array. */
export interface DatasetFacts {
  readonly rows: number
  readonly columns: number
  readonly backend: BackendName
  readonly files: readonly FileProvenance[]
  readonly meanCount: number
  readonly standard: PixelStatistics
  readonly pixels: Readonly<Record<SplitName, PixelStatistics>>
}

/** The arrays that only preparation can compute; all others follow from them. */
export interface SourceArrays {
  readonly meanImage: Float32Array
  readonly levels: PreparedDataset['levels']
  readonly splits: Readonly<Record<SplitName, Pick<Samples, 'images' | 'labels'>>>
}

/** Every array that is served. */
export interface DatasetArrays extends SourceArrays {
  readonly splits: Readonly<Record<SplitName, SplitArrays>>
}

export type SplitArrays = Pick<PreparedSplit, 'images' | 'labels' | 'centered' | 'onehot' | 'index' | 'ids'>

/** A prepared dataset without its downloadable files. */
export type DatasetToServe = Omit<PreparedDataset, 'originals'>

/** Samples that are derived between two looks at the clock: well below a millisecond of work. */
const STEP_ROWS = 200

/**
 * Derives the arrays that follow from others: centered images, one-hot and int64 labels, ids. Yields to the event loop
 * between time slices.
 *
 * @param classes number of classes
 */
export async function deriveArrays (source: SourceArrays, classes: number): Promise<DatasetArrays> {
  const derived: Partial<Record<SplitName, SplitArrays>> = {}
  for (const name of splitNames) derived[name] = await deriveSplit(source, name, classes)
  return { ...source, splits: derived as Record<SplitName, SplitArrays> }
}

async function deriveSplit ({ meanImage, levels, splits }: SourceArrays, name: SplitName, classes: number): Promise<SplitArrays> {
  const { images, labels } = splits[name]
  const count = labels.length
  const size = meanImage.length
  const center = imageCenterer(levels.unit, meanImage)
  const centered = new Float32Array(images.length)
  const onehot = new Float32Array(count * classes)
  const index = new BigInt64Array(count)
  const ids = new Int32Array(count)
  await inTimeSlices(count, STEP_ROWS, (start, end) => {
    const [from, to] = [start * size, end * size]
    center(images.subarray(from, to), centered.subarray(from, to))
    for (let i = start; i < end; i++) {
      onehot[i * classes + labels[i]!] = 1
      index[i] = BigInt(labels[i]!)
      ids[i] = i
    }
  })
  return { images, labels, centered, onehot, index, ids }
}

export function createPreparedDataset (identity: DatasetIdentity, facts: DatasetFacts, { meanImage, levels, splits }: DatasetArrays): DatasetToServe {
  const { rows, columns, backend, files, meanCount, standard, pixels } = facts
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
    splits: perSplit(name => ({
      ...splits[name],
      count: splits[name].labels.length,
      pixels: pixels[name],
      histogram: countClasses(splits[name].labels, classes)
    }))
  }
}

function countClasses (labels: Uint8Array, classes: number): number[] {
  const counts: number[] = new Array(classes).fill(0)
  for (const label of labels) counts[label]!++
  return counts
}
