import { words, type Words } from './random.ts'

/** The mean of the sum of twelve bytes. */
const MEAN = 1530

/**
 * Adds noise to each u8 pixel, in place: ⌊x + strength·(S − 1530)/256 + ½⌋, clamped to 0 … 255, where S is the sum of
 * the twelve bytes of the pixel's three words. S has mean 1530 and standard deviation √65535 ≈ 256, and as a sum of
 * twelve uniforms it is nearly Gaussian (Irwin–Hall), without a logarithm, which engines may round differently.
 *
 * @param strength standard deviation in pixel levels
 */
export function addNoise (image: Uint8Array, strength: number, word: Words): void {
  for (let pixel = 0, n: number = words.noise; pixel < image.length; pixel++, n += 3) {
    const pairs = bytePairs(word(n)) + bytePairs(word(n + 1)) + bytePairs(word(n + 2))
    const sum = (pairs & 0xffff) + (pairs >>> 16)
    const level = Math.floor(image[pixel]! + strength * (sum - MEAN) / 256 + 0.5)
    image[pixel] = Math.max(0, Math.min(255, level))
  }
}

/** The sum of a word's bytes 0 and 1 in the low 16 bits, and of its bytes 2 and 3 in the high 16 bits. */
function bytePairs (word: number): number {
  return (word & 0x00ff00ff) + ((word >>> 8) & 0x00ff00ff)
}
