import type { ImageSize } from '../../dataset/sample-splits.ts'
import type { Augmentations } from './augmentations.ts'
import { cutOut } from './cutout.ts'
import { elasticField } from './elastic.ts'
import { affineTransform, resampler } from './geometry.ts'
import { addNoise } from './noise.ts'
import { sampleWords } from './random.ts'

/**
 * Augments one u8 image of rows·columns into `target`, which must not overlap it.
 *
 * @param key of the sample in its epoch, u32: its random numbers depend on nothing else
 */
export type Augment = (source: Uint8Array, target: Uint8Array, key: number) => void

/**
 * Returns the function that augments images of one size, always in the same order: rotation, scale, shift and elastic
 * distortion in one resampling, then noise, then cutout. It has working memory of its own.
 */
export function augmenter (size: ImageSize, augmentations: Augmentations): Augment {
  const { rotate, shift, scale, elastic, noise, cutout } = augmentations
  const isGeometric = [rotate, shift, scale, elastic].some(strength => strength !== undefined)
  const resample = resampler(size)
  const displace = elastic === undefined ? undefined : elasticField(size, elastic)

  return (source, target, key) => {
    const word = sampleWords(key)
    if (isGeometric) resample(source, target, affineTransform(augmentations, word), displace?.(word))
    else target.set(source)
    if (noise !== undefined) addNoise(target, noise, word)
    if (cutout !== undefined) cutOut(target, size, cutout, word)
  }
}
