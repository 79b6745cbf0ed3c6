import { columns, frame, framePitch, quads, rows } from './layout'

/** The rows and columns of the frame that contain pixels other than 0: `bottom` and `right` are the last ones. */
export let top: i32 = 0
export let bottom: i32 = 0
export let left: i32 = 0
export let right: i32 = 0

/** Copies an image into the frame, and finds its box. Returns whether it has one: a blank image does not. */
export function fillFrame (source: usize): bool {
  for (let row = 0; row < rows; row++) {
    const from = source + row * columns
    const to = frame + (row + 1) * framePitch + 1
    for (let column = 0; column < columns; column += 16) {
      v128.store(to + column, v128.load(from + column))
    }
    // What was copied beyond the end of the row.
    v128.store(to + columns, i64x2.splat(0))
  }
  return findBox()
}

function findBox (): bool {
  top = 1
  while (top <= rows && isBlank(top)) top++
  if (top > rows) return false
  bottom = rows
  while (isBlank(bottom)) bottom--

  left = -1
  for (let column = 0; column < framePitch; column += 16) {
    let used = i64x2.splat(0)
    for (let row = top; row <= bottom; row++) used = v128.or(used, v128.load(frame + row * framePitch + column))
    const mask = i8x16.bitmask(i8x16.ne(used, i64x2.splat(0)))
    if (mask === 0) continue
    if (left < 0) left = column + ctz(mask)
    right = column + 31 - clz(mask)
  }
  return true
}

function isBlank (row: i32): bool {
  for (let column = 0; column < framePitch; column += 16) {
    if (v128.any_true(v128.load(frame + row * framePitch + column))) return false
  }
  return true
}

/**
 * Computes the quads of the box and of the zeros around it. Pixels are stored as pixel − 128, a signed byte, so that
 * their weighted sums fit into 16 bits.
 */
export function fillQuads (): void {
  const bias = i8x16.splat(-128)
  for (let row = top - 1; row <= bottom + 1; row++) {
    for (let column = left - 1; column <= right + 1; column += 16) {
      const at = row * framePitch + column
      const upper = frame + at
      const lower = upper + framePitch
      const a = v128.xor(v128.load(upper), bias)
      const b = v128.xor(v128.load(upper + 1), bias)
      const c = v128.xor(v128.load(lower), bias)
      const d = v128.xor(v128.load(lower + 1), bias)
      const abLow = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const abHigh = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      const cdLow = i8x16.shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const cdHigh = i8x16.shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      const to = quads + 4 * at
      v128.store(to, i16x8.shuffle(abLow, cdLow, 0, 8, 1, 9, 2, 10, 3, 11), 0)
      v128.store(to, i16x8.shuffle(abLow, cdLow, 4, 12, 5, 13, 6, 14, 7, 15), 16)
      v128.store(to, i16x8.shuffle(abHigh, cdHigh, 0, 8, 1, 9, 2, 10, 3, 11), 32)
      v128.store(to, i16x8.shuffle(abHigh, cdHigh, 4, 12, 5, 13, 6, 14, 7, 15), 48)
    }
  }
}
