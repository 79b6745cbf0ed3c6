/** Constants of `interpolate`, to be loaded before loops. */
export const FRACTION = memory.data<u32>([0xff0000])
export const ONE = memory.data<u32>([256])
export const ROUNDING = memory.data<u32>([0x808000])

/** Loads four quads, given their numbers and the address of quad 0. */
@inline
export function loadQuads (numbers: v128, origin: v128): v128 {
  const at = i32x4.add(i32x4.shl(numbers, 2), origin)
  let four = v128.load32_zero(i32x4.extract_lane(at, 0))
  four = v128.load32_lane(i32x4.extract_lane(at, 1), four, 1)
  four = v128.load32_lane(i32x4.extract_lane(at, 2), four, 2)
  return v128.load32_lane(i32x4.extract_lane(at, 3), four, 3)
}

/**
 * Four pixels, as bytes 0 to 3, from their quads and coordinates, whose bits 16 to 23 are fractions in 1/256:
 *
 *     ((256 − g)·((256 − f)·p00 + f·p01) + g·((256 − f)·p10 + f·p11) + 2¹⁵) >> 16
 */
@inline
export function interpolate (four: v128, x: v128, y: v128, fraction: v128, one: v128, rounding: v128): v128 {
  const xWeights = weights(x, fraction, one)
  const yWeights = weights(y, fraction, one)
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(four), i32x4.shuffle(xWeights, xWeights, 0, 0, 1, 1))
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(four), i32x4.shuffle(xWeights, xWeights, 2, 2, 3, 3))
  const sums = i32x4.dot_i16x8_s(i16x8.narrow_i32x4_s(low, high), yWeights)
  // All weights together are 2¹⁶, and quads have pixels − 128.
  const pixels = i32x4.shr_s(i32x4.add(sums, rounding), 16)
  const pairs = i16x8.narrow_i32x4_s(pixels, pixels)
  return i8x16.narrow_i16x8_u(pairs, pairs)
}

/** The weights of two neighbours as a pair of int16: 256 − fraction, fraction. */
@inline
function weights (value: v128, fraction: v128, one: v128): v128 {
  const high = v128.and(value, fraction)
  return i32x4.add(high, i32x4.sub(one, i32x4.shr_u(high, 16)))
}
