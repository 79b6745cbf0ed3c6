import { valueCount, type ImageShape } from '../../dataset/image-shape.ts'
import type { FloatNormalization } from '../normalize.ts'
import { getAugmenter } from './augment.ts'
import type { Augmentations } from './augmentations.ts'

/** Samples to augment. Arrays in shared memory are not copied on their way to another thread. */
export interface AugmentTask {
  readonly shape: ImageShape
  /** u8 images of a split, in shared memory. */
  readonly images: Uint8Array
  /** u32 positions in the split. */
  readonly ids: Uint32Array
  /** The key of each sample, u32, which all its random numbers derive from. */
  readonly keys: Uint32Array
  readonly augmentations: Augmentations
  /** How the augmented pixels become values; undefined if they are not normalized. */
  readonly normalization?: FloatNormalization | undefined
  /** Receives the u8 images, or the float32 values of them, in shared memory. */
  readonly target: Uint8Array | Float32Array
}

/** Augments the samples of a task, and blocks the thread meanwhile. */
export function runAugmentTask (task: AugmentTask): void {
  const { shape, images, ids, keys, augmentations, normalization, target } = task
  const size = valueCount(shape)
  const augmenter = getAugmenter(shape)
  for (let start = 0; start < ids.length; start += augmenter.capacity) {
    const count = Math.min(augmenter.capacity, ids.length - start)
    for (let i = 0; i < count; i++) {
      const id = ids[start + i]!
      augmenter.load(i, images.subarray(id * size, (id + 1) * size), keys[start + i]!)
    }
    const augmented = augmenter.augment(count, augmentations)
    target.set(normalization ? augmenter.normalize(count, normalization) : augmented, start * size)
  }
}

/** The samples of a task from `start` up to but not including `end`. */
export function sliceTask (task: AugmentTask, start: number, end: number): AugmentTask {
  const size = valueCount(task.shape)
  return {
    ...task,
    // Copied, since another thread would get all of the array that they are views of.
    ids: task.ids.slice(start, end),
    keys: task.keys.slice(start, end),
    target: task.target.subarray(start * size, end * size)
  }
}
