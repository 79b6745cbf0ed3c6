/** Augments and normalizes u8 images of one size; docs/reproducibility.md specifies every bit. */
import { cutOut } from './cutout'
import { flip } from './flip'
import { channels, columns, keys, rows, sources, targets } from './layout'
import { addNoise } from './noise'
import { FLIP, isWithin } from './random'
import { plan, resample } from './resample'

export { getKeys, getLevels, getMeanImage, getSources, getTargets, getValues, layOut } from './layout'
export { normalize } from './normalize'

/**
 * Augments the first `count` images, always in the same order: a flip, which changes the loaded images, then rotation,
 * scale, shift and elastic distortion in one resampling, then noise, then cutout. A strength of 0 changes nothing. All
 * planes of an image are changed alike, but for noise.
 */
export function augment (
  count: i32, flipped: f64, rotate: f64, shift: f64, scale: f64, elastic: f64, noise: f64, cutout: i32
): void {
  const size = rows * columns
  const isGeometric = rotate !== 0 || shift !== 0 || scale !== 0 || elastic !== 0
  let source = sources
  let target = targets
  for (let i = 0; i < count; i++) {
    const key = load<u32>(keys + 4 * i)
    const isFlipped = isWithin(FLIP, key, flipped)
    if (isGeometric) plan(key, rotate, shift, scale, elastic)
    for (let channel = 0; channel < channels; channel++) {
      if (isFlipped) flip(source)
      // In whole vectors, so what is beyond the end of a plane is overwritten by the next one.
      if (isGeometric) resample(source, target)
      else memory.copy(target, source, size)
      if (noise !== 0) addNoise(target, size, channel * size, noise, key)
      if (cutout !== 0) cutOut(target, cutout, key)
      source += size
      target += size
    }
  }
}
