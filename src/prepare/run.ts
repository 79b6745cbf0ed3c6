import { perSplit, type BackendChoice, type PixelStatistics, type PrepareSettings, type SplitName } from '../dataset/entry.ts'
import { denoise, filters } from './denoise.ts'
import { oneHot } from './labels.ts'
import { CHUNK_ROWS } from './layout.ts'
import { addSums, center, levelTables, meanImage, pixelStatistics, sumPixels, type PixelSums } from './normalize.ts'
import { useBackend, type ChosenBackend } from './tensor.ts'

/** What is to be prepared; the images come apart from it. */
export interface Job {
  readonly settings: PrepareSettings
  readonly backend: BackendChoice
  readonly rows: number
  readonly columns: number
  readonly classes: number
  /** u8 class of each sample. */
  readonly labels: Readonly<Record<SplitName, Uint8Array>>
}

/** The small results; the images are emitted apart from them. */
export interface Findings {
  readonly backend: ChosenBackend
  readonly meanImage: Float32Array
  readonly meanCount: number
  readonly standard: PixelStatistics
  readonly levels: { readonly unit: Float32Array, readonly standard: Float32Array }
  readonly onehot: Readonly<Record<SplitName, Float32Array>>
  readonly pixels: Readonly<Record<SplitName, PixelStatistics>>
}

/** Where results go while they are made. */
export interface Sink {
  /** u8 denoised images from sample `row` on; never called where nothing is denoised. */
  denoised (bytes: Uint8Array, row: number): void
  /** float32 centered images from sample `row` on; the next ones are made once they are taken. */
  centered (bytes: Uint8Array, row: number): void | Promise<void>
  progress (item: string, done: number, total: number): void
}

/**
 * Prepares a dataset: denoise → fit on the training split → normalize → one-hot.
 *
 * @param images u8 of all splits one after the other, train, val, test; denoised in place
 */
export async function run (job: Job, images: Uint8Array, sink: Sink): Promise<Findings> {
  const backend = await useBackend(job.backend)
  const { rows, columns, labels } = job
  const size = rows * columns
  const filter = job.settings.denoise === 'none' ? undefined : filters[job.settings.denoise]
  const passes = filter ? 2 : 1
  const total = passes * images.length / size
  sink.progress(`with TensorFlow.js on ${backend.name}`, 0, total)

  if (filter) {
    for (const { row, chunk } of chunks(images, size)) {
      denoise(chunk, [chunk.length / size, rows, columns], filter)
      sink.denoised(chunk, row)
      sink.progress('denoising', row, total)
    }
  }

  const sums = sumSplits(images, labels, size)
  const fitted: PixelSums = job.settings.meanOver === 'train' ? sums.train : addSums(sums.train, sums.val)
  const mean = meanImage(fitted)
  const pixels = perSplit(name => pixelStatistics(sums[name]))
  // Pictures that are all one gray have no deviation: divided by 1, as scikit-learn's StandardScaler does.
  const standard = { mean: Math.fround(pixels.train.mean), std: Math.fround(pixels.train.std) || 1 }

  for (const { row, chunk } of chunks(images, size)) {
    const centered = center(chunk, mean)
    await sink.centered(new Uint8Array(centered.buffer, centered.byteOffset, centered.byteLength), row)
    sink.progress('normalizing', total - images.length / size + row, total)
  }

  return {
    backend,
    meanImage: mean,
    meanCount: fitted.count,
    standard,
    levels: levelTables(standard),
    onehot: perSplit(name => oneHot(labels[name], job.classes)),
    pixels
  }
}

function sumSplits (images: Uint8Array, labels: Job['labels'], size: number): Record<SplitName, PixelSums> {
  let start = 0
  return perSplit(name => {
    const end = start + labels[name].length * size
    const sums = sumPixels(images.subarray(start, end), size)
    start = end
    return sums
  })
}

function * chunks (images: Uint8Array, size: number): Generator<{ row: number, chunk: Uint8Array }> {
  const bytes = CHUNK_ROWS * size
  for (let start = 0; start < images.length; start += bytes) {
    yield { row: start / size, chunk: images.subarray(start, start + bytes) }
  }
}
