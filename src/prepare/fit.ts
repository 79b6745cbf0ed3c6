import type { ImageShape } from '../dataset/image-shape.ts'
import type { ChannelStatistics, PreparedDataset } from '../dataset/prepared.ts'
import { perSplit, type SplitName } from '../dataset/sample-splits.ts'
import type { BackendChoice, PrepareSettings } from '../dataset/settings.ts'
import { denoise } from './denoise.ts'
import { addSums, emptySums, levelTables, meanImage, pixelStatistics, sumPixels, type PixelSums } from './statistics.ts'
import { useBackend, type ChosenBackend } from './tensorflow.ts'

export interface FitOptions {
  readonly shape: ImageShape
  readonly settings: PrepareSettings
  readonly backend: BackendChoice
}

/** Everything that the normalizations of a dataset depend on. */
export interface FitResult {
  /** float32 channels·rows·columns, in units of full scale. */
  readonly meanImage: Float32Array
  /** Number of images that the mean image averages. */
  readonly meanCount: number
  /** Scalars of `standard`, rounded to float32. */
  readonly standard: ChannelStatistics
  readonly levels: PreparedDataset['levels']
  readonly pixels: Readonly<Record<SplitName, ChannelStatistics>>
}

/** Denoises images with TensorFlow.js and fits the normalizations to them, one chunk at a time. */
export class Fitter {
  readonly backend: ChosenBackend
  readonly #options: FitOptions
  readonly #sums: Record<SplitName, PixelSums>

  private constructor (backend: ChosenBackend, options: FitOptions) {
    this.backend = backend
    this.#options = options
    this.#sums = perSplit(() => emptySums(options.shape))
  }

  /** @throws ServiceError backend_unavailable */
  static async create (options: FitOptions): Promise<Fitter> {
    return new Fitter(await useBackend(options.backend), options)
  }

  /**
   * Adds images of a split to its statistics.
   *
   * @param images u8 n·channels·rows·columns
   * @returns the denoised images, u8 of the same length; the given array without denoising
   */
  add (split: SplitName, images: Uint8Array): Uint8Array {
    const { settings, shape } = this.#options
    const denoised = denoise(images, shape, settings.denoise)
    this.#sums[split] = addSums(this.#sums[split], sumPixels(denoised, shape))
    return denoised
  }

  result (): FitResult {
    const { train, val } = this.#sums
    const fitted = this.#options.settings.meanOver === 'train' ? train : addSums(train, val)
    const pixels = perSplit(name => pixelStatistics(this.#sums[name]))
    // Pixels of a single level have no deviation: divide by 1, as scikit-learn's StandardScaler does.
    const standard = pixels.train.map(({ mean, std }) => ({ mean: Math.fround(mean), std: Math.fround(std) || 1 }))
    return { meanImage: meanImage(fitted), meanCount: fitted.count, standard, levels: levelTables(standard), pixels }
  }
}
