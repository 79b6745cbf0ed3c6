import {
  columns, columnShifts, middleSums, narrowSums, paddedColumns, paddedRows, rows, rowShifts, smoothed, transposed,
  uniforms, ZEROS
} from './layout'
import { ELASTIC, FIRST_FACTOR, increment, SECOND_FACTOR, words4 } from './random'

/**
 * Elastic distortion (Simard, Steinkraus, Platt 2003: Best Practices for Convolutional Neural Networks, §2): a field of
 * uniform displacements between −1 and 1 for each axis, 0 outside the image, is smoothed by a Gaussian of σ = 4 pixels
 * and multiplied by α. For MNIST the paper uses σ = 4 and α = 34, which displaces pixels by 1.4 along each axis (one
 * standard deviation).
 *
 * The highest 12 bits h of a pixel's word give the displacement along columns, the lowest 12 along rows. As integers
 * 2h − 4095 they are summed under three windows, along rows and along columns, which keeps them below 2³¹, and
 * multiplied by α/(4096·385²).
 *
 * The windows together approximate the Gaussian (Wells 1986): their variance is (5² + 7² + 11² − 3)/12 = 4². Sums of
 * integers are exact in any order; a table of exponentials would not be.
 */
const NARROW: i32 = 5
const MIDDLE: i32 = 7
const WIDE: i32 = 11

/** Pixels to each side that the windows cover together. */
const REACH: i32 = 10

/** The units of the field in α pixels. */
export const UNITS: f64 = 4096 * 385 * 385

/** Computes `columnShifts` and `rowShifts` of a sample. */
export function fillShifts (key: u32): void {
  drawUniforms(key)
  for (let row = 0; row < paddedRows; row += 4) smoothAlongRows(row)
  transpose(0)
  transpose(1)
  for (let column = 0; column < paddedColumns; column += 4) {
    smoothAlongColumns(column, 0, columnShifts)
    smoothAlongColumns(column, 1, rowShifts)
  }
}

/** Draws both fields, as pairs of int16, column by column: so a vector has neighbouring rows. */
function drawUniforms (key: u32): void {
  const keys = i32x4.splat(key)
  const increments = i32x4.splat(increment(key))
  const first = v128.load32_splat(FIRST_FACTOR)
  const second = v128.load32_splat(SECOND_FACTOR)
  const steps = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(columns))
  for (let row = 0; row < paddedRows; row += 4) {
    // Rows below the image are 0.
    const inside = i32x4.lt_s(i32x4.add(i32x4.splat(row), i32x4(0, 1, 2, 3)), i32x4.splat(rows))
    let n = i32x4.add(i32x4.splat(ELASTIC + row * columns), steps)
    let to = uniforms + 4 * (ZEROS * paddedRows + row)
    let column = 0
    do {
      const words = words4(n, keys, increments, first, second)
      const pairs = v128.or(i32x4.shr_u(words, 20), v128.and(i32x4.shl(words, 16), i32x4.splat(0xfff0000)))
      v128.store(to, v128.and(i16x8.sub(i16x8.shl(pairs, 1), i16x8.splat(4095)), inside))
      n = i32x4.add(n, i32x4.splat(1))
      to += 4 * paddedRows
    } while (++column < columns)
  }
}

/** Sums four rows of `uniforms` under all windows into `smoothed`: per column, four rows of either field. */
function smoothAlongRows (row: i32): void {
  const pitch = 4 * paddedRows
  let from = uniforms + ZEROS * pitch + 4 * row
  let narrow = narrowSums + 32 * ZEROS
  let middle = middleSums + 32 * ZEROS
  let to = smoothed + 8 * row - REACH * 2 * pitch
  let pairs = i64x2.splat(0)
  let middleColumns = i64x2.splat(0)
  let middleRows = i64x2.splat(0)
  let wideColumns = i64x2.splat(0)
  let wideRows = i64x2.splat(0)
  for (let column = 0; column < columns + REACH; column++) {
    pairs = i16x8.add(pairs, i16x8.sub(v128.load(from), v128.load(from - NARROW * pitch)))
    const narrowColumns = i32x4.shr_s(i32x4.shl(pairs, 16), 16)
    const narrowRows = i32x4.shr_s(pairs, 16)
    v128.store(narrow, narrowColumns)
    v128.store(narrow, narrowRows, 16)
    middleColumns = i32x4.add(middleColumns, i32x4.sub(narrowColumns, v128.load(narrow - 32 * MIDDLE)))
    middleRows = i32x4.add(middleRows, i32x4.sub(narrowRows, v128.load(narrow - 32 * MIDDLE, 16)))
    v128.store(middle, middleColumns)
    v128.store(middle, middleRows, 16)
    wideColumns = i32x4.add(wideColumns, i32x4.sub(middleColumns, v128.load(middle - 32 * WIDE)))
    wideRows = i32x4.add(wideRows, i32x4.sub(middleRows, v128.load(middle - 32 * WIDE, 16)))
    if (column >= REACH) {
      v128.store(to, wideColumns)
      v128.store(to, wideRows, 16)
    }
    from += pitch
    narrow += 32
    middle += 32
    to += 2 * pitch
  }
}

/** Copies a field from `smoothed`, column by column, to `transposed`, row by row. */
function transpose (field: i32): void {
  const fromPitch = 8 * paddedRows
  const toPitch = 8 * paddedColumns
  for (let row = 0; row < paddedRows; row += 4) {
    let from = smoothed + 8 * row + 16 * field
    let to = transposed + (ZEROS + row) * toPitch + 4 * field * paddedColumns
    for (let column = 0; column < columns; column += 4) {
      const a = v128.load(from)
      const b = v128.load(from + fromPitch)
      const c = v128.load(from + 2 * fromPitch)
      const d = v128.load(from + 3 * fromPitch)
      const ab = i32x4.shuffle(a, b, 0, 4, 1, 5)
      const cd = i32x4.shuffle(c, d, 0, 4, 1, 5)
      const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7)
      const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7)
      v128.store(to, i64x2.shuffle(ab, cd, 0, 2))
      v128.store(to + toPitch, i64x2.shuffle(ab, cd, 1, 3))
      v128.store(to + 2 * toPitch, i64x2.shuffle(abHigh, cdHigh, 0, 2))
      v128.store(to + 3 * toPitch, i64x2.shuffle(abHigh, cdHigh, 1, 3))
      from += 4 * fromPitch
      to += 16
    }
  }
}

/** Sums four columns of a field under all windows. */
function smoothAlongColumns (column: i32, field: i32, shifts: usize): void {
  const fromPitch = 8 * paddedColumns
  const toPitch = 4 * paddedColumns
  let from = transposed + ZEROS * fromPitch + 4 * (field * paddedColumns + column)
  let narrows = narrowSums + 32 * ZEROS
  let middles = middleSums + 32 * ZEROS
  let to = shifts + 4 * column - REACH * toPitch
  let narrow = i64x2.splat(0)
  let middle = i64x2.splat(0)
  let wide = i64x2.splat(0)
  for (let row = 0; row < rows + REACH; row++) {
    narrow = i32x4.add(narrow, i32x4.sub(v128.load(from), v128.load(from - NARROW * fromPitch)))
    v128.store(narrows, narrow)
    middle = i32x4.add(middle, i32x4.sub(narrow, v128.load(narrows - 32 * MIDDLE)))
    v128.store(middles, middle)
    wide = i32x4.add(wide, i32x4.sub(middle, v128.load(middles - 32 * WIDE)))
    if (row >= REACH) v128.store(to, wide)
    from += fromPitch
    narrows += 32
    middles += 32
    to += toPitch
  }
}
