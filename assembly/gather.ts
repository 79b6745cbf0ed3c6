/** Copies or normalizes rows within a shared memory that is imported. */

/**
 * @param ids address of u32 of `count`: the numbers of the rows
 * @param rows address of all rows, back to back
 * @param target address of room for `count` rows
 * @param length bytes of a row
 */
export function gather (ids: usize, count: i32, rows: usize, target: usize, length: usize): void {
  for (let i = 0; i < count; i++) {
    memory.copy(target, rows + load<u32>(ids) * length, length)
    ids += 4
    target += length
  }
}

/**
 * Normalizes rows of u8 to float32: x/255 less the value of a row of subtrahends.
 *
 * @param ids as above
 * @param target address of room for `count` rows of float32
 * @param length elements of a row
 * @param subtrahends address of float32 of `length`
 */
export function center (
  ids: usize, count: i32, rows: usize, target: usize, length: usize, subtrahends: usize
): void {
  const zero = f32x4.splat(0)
  for (let i = 0; i < count; i++) {
    const row = rows + load<u32>(ids) * length
    let at: usize = 0
    for (; at + 16 <= length; at += 16) {
      const pixels = v128.load(row + at)
      const to = target + 4 * at
      const from = subtrahends + 4 * at
      if (v128.any_true(pixels)) {
        v128.store(to, f32x4.sub(unit(pixels, 0), v128.load(from)))
        v128.store(to, f32x4.sub(unit(pixels, 1), v128.load(from, 16)), 16)
        v128.store(to, f32x4.sub(unit(pixels, 2), v128.load(from, 32)), 32)
        v128.store(to, f32x4.sub(unit(pixels, 3), v128.load(from, 48)), 48)
      } else {
        // Most images are mostly blank, and a division takes long.
        v128.store(to, f32x4.sub(zero, v128.load(from)))
        v128.store(to, f32x4.sub(zero, v128.load(from, 16)), 16)
        v128.store(to, f32x4.sub(zero, v128.load(from, 32)), 32)
        v128.store(to, f32x4.sub(zero, v128.load(from, 48)), 48)
      }
    }
    for (; at < length; at++) {
      store<f32>(target + 4 * at, <f32>load<u8>(row + at) / 255 - load<f32>(subtrahends + 4 * at))
    }
    ids += 4
    target += 4 * length
  }
}

/**
 * Normalizes a part of rows of u8 to float32: (x/255 − mean) / std. Each step is rounded to float32.
 *
 * @param ids as above, and so are the others
 * @param rows address of the part in the first row
 * @param target address of the part in the first row of float32
 * @param length elements of the part
 * @param pitch elements of a row
 */
export function standardize (
  ids: usize, count: i32, rows: usize, target: usize, length: usize, pitch: usize, mean: f32, std: f32
): void {
  const means = f32x4.splat(mean)
  const stds = f32x4.splat(std)
  const blank = f32x4.splat((<f32>0 - mean) / std)
  for (let i = 0; i < count; i++) {
    const row = rows + load<u32>(ids) * pitch
    let at: usize = 0
    for (; at + 16 <= length; at += 16) {
      const pixels = v128.load(row + at)
      const to = target + 4 * at
      const isBlank = !v128.any_true(pixels)
      v128.store(to, isBlank ? blank : f32x4.div(f32x4.sub(unit(pixels, 0), means), stds))
      v128.store(to, isBlank ? blank : f32x4.div(f32x4.sub(unit(pixels, 1), means), stds), 16)
      v128.store(to, isBlank ? blank : f32x4.div(f32x4.sub(unit(pixels, 2), means), stds), 32)
      v128.store(to, isBlank ? blank : f32x4.div(f32x4.sub(unit(pixels, 3), means), stds), 48)
    }
    for (; at < length; at++) store<f32>(target + 4 * at, (<f32>load<u8>(row + at) / 255 - mean) / std)
    ids += 4
    target += 4 * pitch
  }
}

/**
 * 1/255 in two parts, whose products with a u8 value add up to its quotient by 255: the first product is exact, and the
 * sum of both rounds as the quotient does for all 256 values. A division takes several times as long.
 */
const UNIT_HIGH: f32 = 257.0 / 65536.0
const UNIT_LOW: f32 = 5.983839201917363e-8

/** Four of sixteen u8 values, divided by 255. */
@inline
function unit (pixels: v128, quarter: i32): v128 {
  const half = quarter < 2 ? i16x8.extend_low_i8x16_u(pixels) : i16x8.extend_high_i8x16_u(pixels)
  const values = (quarter & 1) === 0 ? i32x4.extend_low_i16x8_u(half) : i32x4.extend_high_i16x8_u(half)
  const x = f32x4.convert_i32x4_u(values)
  return f32x4.add(f32x4.mul(x, f32x4.splat(UNIT_HIGH)), f32x4.mul(x, f32x4.splat(UNIT_LOW)))
}
