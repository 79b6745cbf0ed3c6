import { valueCount } from '../dataset/image-shape.ts'
import type { ChannelStatistics, PreparedDataset } from '../dataset/prepared.ts'
import { imageCenterer } from './center.ts'
import { float16Bits } from './float16.ts'
import type { Dtype, Normalization } from './options.ts'
import { placeImage, placementOf, type Placement, type PlacementOptions } from './pad.ts'
import type { PixelValues } from './tensor.ts'

/** Maps the u8 pixels of whole images to the values of one normalization and dtype. */
export interface Normalizer {
  /** 1 if a value depends on the pixel's level alone; the values of an image if it depends on the position, too. */
  readonly positions: number
  /**
   * @param pixels u8 of whole images
   * @param values as many elements, each of which is overwritten
   */
  normalize (pixels: Uint8Array, values: PixelValues): void
}

/** What tells the normalizers of a dataset apart. */
export interface NormalizerOptions extends PlacementOptions {
  readonly normalization: Normalization
  /** `uint8` with `raw`, and only there. */
  readonly dtype: Dtype
}

/** How pixels x become float32: (x/255 − mean) / std, less the value of the mean image if there is one. */
export interface FloatNormalization {
  /** float32 numbers: one for all channels, or one for each. */
  readonly scales: ChannelStatistics
  /** float32 of 256 for each scale: the value of every pixel level. */
  readonly levels: Float32Array
  /** float32 channels·rows·columns. */
  readonly meanImage?: Float32Array
}

const UNSCALED: ChannelStatistics = [{ mean: 0, std: 1 }]

/** How the pixels of whole images become float32; undefined if the options ask for something else. */
export function floatNormalization (
  { shape, levels, meanImage, standard }: PreparedDataset,
  { normalization, dtype, ...placement }: NormalizerOptions
): FloatNormalization | undefined {
  if (dtype !== 'float32' || normalization === 'raw' || placementOf(shape, placement).isChange) return undefined
  const unit = { scales: UNSCALED, levels: levels.unit }
  switch (normalization) {
    case 'unit': return unit
    case 'centered': return { ...unit, meanImage }
    case 'standard': return { scales: standard, levels: levels.standard }
  }
}

const normalizers = new WeakMap<PreparedDataset, Map<string, Normalizer>>()

/** The same object for all batches that share these, so that encoders can keep what they derive from it. */
export function getNormalizer (dataset: PreparedDataset, options: NormalizerOptions): Normalizer {
  const { normalization, dtype, pad } = options
  const placement = placementOf(dataset.shape, options)
  const key = `${normalization}/${dtype}/${pad}/${placement.interleaved}`
  let ofDataset = normalizers.get(dataset)
  if (!ofDataset) normalizers.set(dataset, ofDataset = new Map())
  let normalizer = ofDataset.get(key)
  if (!normalizer) ofDataset.set(key, normalizer = createNormalizer(dataset, options, placement))
  return normalizer
}

function createNormalizer (
  dataset: PreparedDataset,
  { normalization, dtype }: NormalizerOptions,
  placement: Placement
): Normalizer {
  const { levels } = dataset
  switch (normalization) {
    case 'raw': return { positions: 1, normalize: (pixels, values) => values.set(pixels) }
    case 'centered': {
      const meanImage = placeMeanImage(dataset, placement)
      return dtype === 'float16' ? centerFloat16(levels.unit, meanImage) : centerFloat32(levels.unit, meanImage)
    }
    default: {
      const values = levels[normalization]
      const tables = dtype === 'float16' ? Uint16Array.from(values, float16Bits) : values
      return tables.length === LEVELS ? lookUp(tables) : lookUpByChannel(tables, placement)
    }
  }
}

/** The mean image, 0 in the border. */
function placeMeanImage ({ meanImage, shape }: PreparedDataset, placement: Placement): Float32Array {
  const placed = new Float32Array(valueCount(placement.padded))
  placeImage(meanImage, 0, shape, placed, 0, placement)
  return placed
}

const LEVELS = 256

/** @param table the value of each of the 256 levels */
function lookUp (table: Float32Array | Uint16Array): Normalizer {
  return {
    positions: 1,
    normalize (pixels, values) {
      for (let i = 0; i < pixels.length; i++) values[i] = table[pixels[i]!]!
    }
  }
}

/** @param tables the values of each of the 256 levels, for one channel after the other */
function lookUpByChannel (tables: Float32Array | Uint16Array, { padded, interleaved }: Placement): Normalizer {
  const positions = valueCount(padded)
  const { channels } = padded
  const [step, planeStep] = interleaved ? [channels, 1] : [1, positions / channels]
  return {
    positions,
    normalize (pixels, values) {
      for (let channel = 0; channel < channels; channel++) {
        const table = tables.subarray(channel * LEVELS, (channel + 1) * LEVELS)
        for (let image = 0; image < pixels.length; image += positions) {
          let at = image + channel * planeStep
          for (let i = positions / channels; i > 0; i--, at += step) values[at] = table[pixels[at]!]!
        }
      }
    }
  }
}

function centerFloat32 (unit: Float32Array, meanImage: Float32Array): Normalizer {
  const center = imageCenterer(unit, meanImage)
  return { positions: meanImage.length, normalize: (pixels, values) => center(pixels, values as Float32Array) }
}

/** Pixels of an image up to which a table of all its values is worth its memory, 512 bytes a pixel. */
const MAX_TABLE_PIXELS = 64 * 64

const MISSING = 0xffff

function centerFloat16 (unit: Float32Array, meanImage: Float32Array): Normalizer {
  const positions = meanImage.length
  const center = (level: number, position: number): number => {
    return float16Bits(Math.fround(unit[level]! - meanImage[position]!))
  }
  if (positions > MAX_TABLE_PIXELS) {
    return {
      positions,
      normalize (pixels, values) {
        for (let i = 0; i < pixels.length;) {
          for (let position = 0; position < positions; position++, i++) values[i] = center(pixels[i]!, position)
        }
      }
    }
  }
  // Filled with the bits of a NaN, which no value has, until a pixel needs an entry.
  const table = new Uint16Array(positions * 256).fill(MISSING)
  return {
    positions,
    normalize (pixels, values) {
      for (let i = 0; i < pixels.length;) {
        for (let position = 0; position < positions; position++, i++) {
          const entry = (position << 8) | pixels[i]!
          let value = table[entry]!
          if (value === MISSING) table[entry] = value = center(pixels[i]!, position)
          values[i] = value
        }
      }
    }
  }
}
