import { valueCount } from '../dataset/image-shape.ts'
import type { PreparedDataset } from '../dataset/prepared.ts'
import { imageCenterer } from './center.ts'
import { float16Bits } from './float16.ts'
import type { Dtype, Normalization } from './options.ts'
import { padImage, paddedShape } from './pad.ts'
import type { PixelValues } from './tensor.ts'

/** Maps the u8 pixels of whole images to the values of one normalization and dtype. */
export interface Normalizer {
  /** 1 if a value depends on the pixel's level alone; the pixels of an image if it depends on the position, too. */
  readonly positions: number
  /**
   * @param pixels u8 of whole images
   * @param values as many elements, each of which is overwritten
   */
  normalize (pixels: Uint8Array, values: PixelValues): void
}

/** What tells the normalizers of a dataset apart. */
export interface NormalizerOptions {
  readonly normalization: Normalization
  /** `uint8` with `raw`, and only there. */
  readonly dtype: Dtype
  /** Side of the square that images are padded to. */
  readonly pad?: number | undefined
}

/** How pixels x become float32: `levels[x]`, less the value of the mean image if there is one. */
export interface FloatNormalization {
  /** float32 of 256: (x/255 − mean) / std. */
  readonly levels: Float32Array
  /** float32. */
  readonly mean: number
  readonly std: number
  /** float32 channels·rows·columns. */
  readonly meanImage?: Float32Array
}

/** How the pixels of whole images become float32; undefined if the options ask for something else. */
export function floatNormalization (
  { levels, meanImage, standard }: PreparedDataset,
  { normalization, dtype, pad }: NormalizerOptions
): FloatNormalization | undefined {
  if (dtype !== 'float32' || normalization === 'raw' || pad !== undefined) return undefined
  const unit = { levels: levels.unit, mean: 0, std: 1 }
  switch (normalization) {
    case 'unit': return unit
    case 'centered': return { ...unit, meanImage }
    case 'standard': return { levels: levels.standard, ...standard }
  }
}

const normalizers = new WeakMap<PreparedDataset, Map<string, Normalizer>>()

/** The same object for all batches that share these, so that encoders can keep what they derive from it. */
export function getNormalizer (dataset: PreparedDataset, options: NormalizerOptions): Normalizer {
  const { normalization, dtype, pad } = options
  const key = `${normalization}/${dtype}/${pad}`
  let ofDataset = normalizers.get(dataset)
  if (!ofDataset) normalizers.set(dataset, ofDataset = new Map())
  let normalizer = ofDataset.get(key)
  if (!normalizer) ofDataset.set(key, normalizer = createNormalizer(dataset, options))
  return normalizer
}

function createNormalizer (dataset: PreparedDataset, { normalization, dtype, pad }: NormalizerOptions): Normalizer {
  const { levels } = dataset
  switch (normalization) {
    case 'raw': return { positions: 1, normalize: (pixels, values) => values.set(pixels) }
    case 'centered': {
      const meanImage = padMeanImage(dataset, pad)
      return dtype === 'float16' ? centerFloat16(levels.unit, meanImage) : centerFloat32(levels.unit, meanImage)
    }
    default: {
      const values = levels[normalization]
      return dtype === 'float16' ? lookUp(Uint16Array.from(values, float16Bits)) : lookUp(values)
    }
  }
}

/** The mean image as float32 of the padded size, 0 in the border. */
function padMeanImage (dataset: PreparedDataset, pad: number | undefined): Float32Array {
  const shape = paddedShape(dataset.shape, pad)
  const padded = new Float32Array(valueCount(shape))
  padImage(dataset.meanImage, 0, dataset.shape, padded, 0, shape)
  return padded
}

/** @param table the value of each of the 256 levels */
function lookUp (table: Float32Array | Uint16Array): Normalizer {
  return {
    positions: 1,
    normalize (pixels, values) {
      for (let i = 0; i < pixels.length; i++) values[i] = table[pixels[i]!]!
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
