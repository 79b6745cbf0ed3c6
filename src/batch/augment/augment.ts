import type { ImageSize } from '../../dataset/splits.ts'
import type { Augmentations } from './augmentations.ts'
import { cutOut } from './cutout.ts'
import { elasticField } from './elastic.ts'
import { affineOf, resampler } from './geometry.ts'
import { addNoise } from './noise.ts'
import { wordsOf } from './random.ts'

/**
 * Augments one u8 image of rows·columns into `target`, which must not overlap it.
 *
 * @param key of the sample in its epoch, u32: all that its random numbers depend on
 */
export type Augment = (source: Uint8Array, target: Uint8Array, key: number) => void

/**
 * What does these augmentations to images of one size, always in the same order: rotation, scale, shift and elastic
 * distortion in one resampling, then noise, then cutout. Its working memory is its own: make one for each sequence of images.
 */
export function augmenter (size: ImageSize, augmentations: Augmentations): Augment {
  const { rotate, shift, scale, elastic, noise, cutout } = augmentations
  const geometric = [rotate, shift, scale, elastic].some(strength => strength !== undefined)
  const resample = resampler(size)
  const field = elastic === undefined ? undefined : elasticField(size, elastic)

  return (source, target, key) => {
    const word = wordsOf(key)
    if (geometric) resample(source, target, affineOf(augmentations, word), field?.(word))
    else target.set(source)
    if (noise !== undefined) addNoise(target, noise, word)
    if (cutout !== undefined) cutOut(target, size, cutout, word)
  }
}
