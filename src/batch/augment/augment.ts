import { valueCount, type ImageShape } from '../../dataset/image-shape.ts'
import type { FloatNormalization } from '../normalize.ts'
import { augmentModule } from './augment-module.ts'
import { augmentationNames, type Augmentations } from './augmentations.ts'

/** Augments u8 images, some at a time, in memory of its own that takes copies of them. */
export interface Augmenter {
  /** Images at a time. */
  readonly capacity: number
  /**
   * Takes an image to augment.
   *
   * @param index below `capacity`
   * @param key of the sample in its epoch, u32: its random numbers depend on nothing else
   */
  load (index: number, image: Uint8Array, key: number): void
  /**
   * Augments the first `count` loaded images, which it uses up.
   *
   * @returns u8 count·channels·rows·columns, which the next call overwrites
   */
  augment (count: number, augmentations: Augmentations): Uint8Array
  /** Computes as many float32 from the first `count` augmented images, which the next call overwrites. */
  normalize (count: number, normalization: Pick<FloatNormalization, 'levels' | 'meanImage'>): Float32Array
}

/** Values of a pixel. */
const LEVELS = 256

/** Bytes of images at a time: few enough to stay in a core's own cache, and to take less than a millisecond. */
const GROUP_BYTES = 1 << 16

/** Compiled from AssemblyScript in assembly/, which describes the arithmetic. */
const module = new WebAssembly.Module(augmentModule)

interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer }
  layOut (channels: number, rows: number, columns: number, capacity: number): void
  getSources (): number
  getKeys (): number
  getTargets (): number
  getLevels (): number
  getMeanImage (): number
  getValues (): number
  normalize (count: number): void
  /** @param strengths in the order in which augmentations are applied */
  augment (count: number, ...strengths: number[]): void
}

const augmenters = new Map<string, Augmenter>()

/** The augmenter of a shape. Callers share it, so they must not yield between `load` and the use of the result. */
export function getAugmenter (shape: ImageShape): Augmenter {
  const name = `${shape.channels}×${shape.rows}×${shape.columns}`
  let augmenter = augmenters.get(name)
  if (!augmenter) augmenters.set(name, augmenter = createAugmenter(shape))
  return augmenter
}

function createAugmenter (shape: ImageShape): Augmenter {
  const { channels, rows, columns } = shape
  const size = valueCount(shape)
  const capacity = Math.ceil(GROUP_BYTES / size)
  const kernels = new WebAssembly.Instance(module).exports as unknown as Kernels
  kernels.layOut(channels, rows, columns, capacity)
  const { buffer } = kernels.memory
  const sources = new Uint8Array(buffer, kernels.getSources(), capacity * size)
  const keys = new Uint32Array(buffer, kernels.getKeys(), capacity)
  const targets = new Uint8Array(buffer, kernels.getTargets(), capacity * size)
  const values = new Float32Array(buffer, kernels.getValues(), capacity * size)
  const levels = new Float32Array(buffer, kernels.getLevels(), channels * LEVELS)
  const meanImage = new Float32Array(buffer, kernels.getMeanImage(), size)
  return {
    capacity,
    load (index, image, key) {
      sources.set(image, index * size)
      keys[index] = key
    },
    augment (count, augmentations) {
      kernels.augment(count, ...augmentationNames.map(name => augmentations[name] ?? 0))
      return targets.subarray(0, count * size)
    },
    normalize (count, normalization) {
      // The only table is that of all channels.
      for (let at = 0; at < levels.length; at += normalization.levels.length) levels.set(normalization.levels, at)
      if (normalization.meanImage) meanImage.set(normalization.meanImage)
      else meanImage.fill(0)
      kernels.normalize(count)
      return values.subarray(0, count * size)
    }
  }
}
