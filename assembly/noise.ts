import { HALF, highHalf, TO_INTEGER } from './vectors'
import { FIRST_FACTOR, increment, NOISE, SECOND_FACTOR, words4 } from './random'

/** The mean of the sum of twelve bytes. */
const MEAN = memory.data<i32>([1530])

const WORDS_PER_PIXEL: i32 = 3

/**
 * Adds noise to each u8 pixel, in place: ⌊x + strength·(S − 1530)/256 + ½⌋, clamped to 0 … 255, where S is the sum of
 * the twelve bytes of the pixel's three words. S has mean 1530 and standard deviation √65535 ≈ 256, and as a sum of
 * twelve uniforms it is nearly Gaussian (Irwin–Hall), without a logarithm, which engines may round differently.
 *
 * @param start number of the first pixel, which follow each other through all planes of an image
 * @param strength standard deviation in pixel levels
 */
export function addNoise (image: usize, size: i32, start: i32, strength: f64, key: u32): void {
  const keys = i32x4.splat(key)
  const increments = i32x4.splat(increment(key))
  // Dividing by 256 is exact, before or after the product is rounded.
  const scale = f64x2.splat(strength / 256)
  const first = v128.load32_splat(FIRST_FACTOR)
  const second = v128.load32_splat(SECOND_FACTOR)
  const mean = v128.load32_splat(MEAN)
  const half = v128.load64_splat(HALF)
  const toInteger = v128.load64_splat(TO_INTEGER)
  let n = i32x4.splat(NOISE + WORDS_PER_PIXEL * start)
  n = i32x4.add(n, i32x4(0, WORDS_PER_PIXEL, 2 * WORDS_PER_PIXEL, 3 * WORDS_PER_PIXEL))
  let pixel = 0
  do {
    const a = words4(n, keys, increments, first, second)
    const b = words4(i32x4.add(n, i32x4.splat(1)), keys, increments, first, second)
    const c = words4(i32x4.add(n, i32x4.splat(2)), keys, increments, first, second)
    const sums = i32x4.sub(i32x4.extadd_pairwise_i16x8_u(addPairs(a, b, c)), mean)
    const levels = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(image + pixel)))
    const low = addScaled(levels, sums, scale, half, toInteger)
    const high = addScaled(highHalf(levels), highHalf(sums), scale, half, toInteger)
    const noisy = i32x4.shuffle(low, high, 0, 2, 4, 6)
    // Narrowing clamps.
    const pairs = i16x8.narrow_i32x4_s(noisy, noisy)
    v128.store32_lane(image + pixel, i8x16.narrow_i16x8_u(pairs, pairs), 0)
    n = i32x4.add(n, i32x4.splat(4 * WORDS_PER_PIXEL))
    pixel += 4
  } while (pixel < size)
}

/** Sums of the low and of the high two bytes of three words, as u16. */
@inline
function addPairs (a: v128, b: v128, c: v128): v128 {
  return i16x8.add(
    i16x8.add(i16x8.extadd_pairwise_i8x16_u(a), i16x8.extadd_pairwise_i8x16_u(b)),
    i16x8.extadd_pairwise_i8x16_u(c)
  )
}

/** ⌊level + scale·sum + ½⌋ for two pixels, as the int32 lanes 0 and 2. */
@inline
function addScaled (levels: v128, sums: v128, scale: v128, half: v128, toInteger: v128): v128 {
  const noisy = f64x2.add(f64x2.convert_low_i32x4_s(levels), f64x2.mul(scale, f64x2.convert_low_i32x4_s(sums)))
  return f64x2.add(f64x2.floor(f64x2.add(noisy, half)), toInteger)
}
