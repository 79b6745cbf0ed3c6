import { HALF, highHalf, INTEGER_BITS } from './vectors'
import { fillShifts, UNITS } from './elastic'
import { bottom, fillFrame, fillQuads, left, right, top } from './frame'
import { FRACTION, interpolate, loadQuads, ONE, ROUNDING } from './interpolate'
import {
  columns, columnShifts, cosines, fixedCosines, fixedSines, framePitch, paddedColumns, quads, rows, rowShifts, sines
} from './layout'
import { ROTATE, SCALE, SHIFT_COLUMNS, SHIFT_ROWS, signed } from './random'

const RADIANS: f64 = Math.PI / 180

/**
 * Taylor polynomials for angles up to 45°, accurate to 11 digits. Engines' `sin` and `cos` may differ in the last bit;
 * these cannot, since IEEE 754 defines the result of each operation.
 */
function sine (x: f64): f64 {
  const y = x * x
  return x * (1 - y / 6 * (1 - y / 20 * (1 - y / 42 * (1 - y / 72 * (1 - y / 110)))))
}

function cosine (x: f64): f64 {
  const y = x * x
  return 1 - y / 2 * (1 - y / 12 * (1 - y / 30 * (1 - y / 56 * (1 - y / 90 * (1 - y / 132)))))
}

/** Maps pixels of the result to the source, where the source is rotated and scaled about its centre, then shifted. */
let cos: f64 = 0
let sin: f64 = 0
let shiftColumns: f64 = 0
let shiftRows: f64 = 0
/** α of the elastic distortion. */
let elasticity: f64 = 0

/**
 * Resamples an image for all geometric augmentations at once, so that pixels are interpolated only once. Angle, scale
 * and shift are uniform between plus and minus their strength. With c and r the centre's column and row, (j, i) a pixel
 * of the result and (dx, dy) its elastic displacement, in float64, from left to right:
 *
 *     u = j − c − shift's columns        x = (cos·u + sin·v) + c + dx
 *     v = i − r − shift's rows           y = (cos·v − sin·u) + r + dy
 *
 * x and y are rounded to 1/256 pixel, half up. The four surrounding pixels are weighted in integers (bilinear), and the
 * sum is rounded half up. Pixels outside the image are 0. No step depends on the engine or the machine: multiplications
 * by 256 are exact, and so may come first.
 */
export function resample (source: usize, target: usize): void {
  memory.fill(target, 0, rows * paddedColumns)
  if (!fillFrame(source)) return
  fillQuads()

  if (elasticity === 0) {
    resampleVisible(target)
  } else {
    for (let row = 0; row < rows; row++) resampleRow(target, row, 0, columns, true, elasticity / UNITS)
  }
  if (paddedColumns !== columns) {
    for (let row = 1; row < rows; row++) memory.copy(target + row * columns, target + row * paddedColumns, columns)
  }
}

/** Draws what all planes of an image have in common. */
export function plan (key: u32, rotate: f64, shift: f64, scale: f64, elastic: f64): void {
  const angle = rotate * signed(ROTATE, key) * RADIANS
  const size = 1 + scale * signed(SCALE, key)
  cos = cosine(angle) / size
  sin = sine(angle) / size
  shiftColumns = shift * signed(SHIFT_COLUMNS, key)
  shiftRows = shift * signed(SHIFT_ROWS, key)
  fillColumns()
  elasticity = elastic
  if (elastic !== 0) fillShifts(key)
}

@inline
function centre (length: i32): f64 {
  return <f64>(length - 1) / 2
}

/** Computes what x and y of all rows have in common: 256·cos·u and 256·sin·u of each column. */
function fillColumns (): void {
  const cos2 = f64x2.splat(cos)
  const sin2 = f64x2.splat(sin)
  const centre2 = f64x2.splat(centre(columns))
  const shift2 = f64x2.splat(shiftColumns)
  let column = i32x4(0, 1, 0, 0)
  for (let at = 0; at < paddedColumns; at += 4) {
    const u0 = f64x2.sub(f64x2.sub(f64x2.convert_low_i32x4_s(column), centre2), shift2)
    column = i32x4.add(column, i32x4.splat(2))
    const u1 = f64x2.sub(f64x2.sub(f64x2.convert_low_i32x4_s(column), centre2), shift2)
    column = i32x4.add(column, i32x4.splat(2))
    fillFour(cosines + 8 * at, fixedCosines + 4 * at, f64x2.mul(cos2, u0), f64x2.mul(cos2, u1))
    fillFour(sines + 8 * at, fixedSines + 4 * at, f64x2.mul(sin2, u0), f64x2.mul(sin2, u1))
  }
}

@inline
function fillFour (floats: usize, fixed: usize, low: v128, high: v128): void {
  const scale = f64x2.splat(256)
  v128.store(floats, f64x2.mul(low, scale))
  v128.store(floats, f64x2.mul(high, scale), 16)
  v128.store(fixed, nearest4(f64x2.mul(low, f64x2.splat(FIXED)), f64x2.mul(high, f64x2.splat(FIXED))))
}

@inline
function nearest4 (low: v128, high: v128): v128 {
  const toInteger = f64x2.splat(INTEGER_BITS)
  return i32x4.shuffle(f64x2.add(low, toInteger), f64x2.add(high, toInteger), 0, 2, 4, 6)
}

/** Resamples, without elastic distortion, the pixels that may come from the box. */
function resampleVisible (target: usize): void {
  // In pixels of the source, not of its frame. Pixels farther than 1 from the box are blank; the rest covers rounding.
  const margin: f64 = 1 + 1 / 64
  const minX = <f64>(left - 1) - margin - centre(columns)
  const maxX = <f64>(right - 1) + margin - centre(columns)
  const minY = <f64>(top - 1) - margin - centre(rows)
  const maxY = <f64>(bottom - 1) + margin - centre(rows)
  const perCos = 1 / cos
  const perSin = 1 / sin
  const offset = centre(columns) + shiftColumns
  const isSmall = isFixedEnough()
  for (let row = 0; row < rows; row++) {
    const v = <f64>row - centre(rows) - shiftRows
    let first = (minX - sin * v) * perCos
    let last = (maxX - sin * v) * perCos
    const y = cos * v
    if (sin !== 0) {
      const a = (y - maxY) * perSin
      const b = (y - minY) * perSin
      first = max(first, min(a, b))
      last = min(last, max(a, b))
    } else if (y < minY || y > maxY) continue
    const from = <i32>max(0, Math.floor(first + offset))
    const end = <i32>min(<f64>columns, Math.floor(last + offset) + 1)
    if (from >= end) continue
    const start = min(from, paddedColumns - ((end - from + 3) & ~3))
    if (!isSmall || !resampleRowFixed(target, row, start, end)) resampleRow(target, row, start, end, false, 0)
  }
}

/** Fixed-point coordinates have 8 bits of pixels, 8 bits of fractions that count, and 16 bits of rounding errors. */
const FIXED: f64 = 0x1000000

/** Whether fixed-point coordinates of this transform do not overflow. */
function isFixedEnough (): bool {
  const u = centre(columns) + abs(shiftColumns)
  const v = centre(rows) + abs(shiftRows)
  return max(rows, columns) < 120 &&
    cos * u + abs(sin) * v + centre(columns) < 120 && cos * v + abs(sin) * u + centre(rows) < 120
}

/** Resamples the columns from `from` up to `end`, in whole vectors. */
@inline
function resampleRow (target: usize, row: i32, from: i32, end: i32, isElastic: bool, unit: f64): void {
  const v = <f64>row - centre(rows) - shiftRows
  const xOfRow = f64x2.splat(256 * (sin * v))
  const yOfRow = f64x2.splat(256 * (cos * v))
  const centreX = f64x2.splat(256 * centre(columns))
  const centreY = f64x2.splat(256 * centre(rows))
  const units = f64x2.splat(256 * unit)
  const minX = i32x4.splat((left - 1) << 8)
  const maxX = i32x4.splat((right + 1) << 8)
  const minY = i32x4.splat((top - 1) << 8)
  const maxY = i32x4.splat((bottom + 1) << 8)
  const pitch = i32x4.splat(framePitch)
  const origin = i32x4.splat(<i32>quads)
  const half = v128.load64_splat(HALF)
  const toFrame = f64x2.splat(INTEGER_BITS + 256)
  const fraction = v128.load32_splat(FRACTION)
  const one = v128.load32_splat(ONE)
  const rounding = v128.load32_splat(ROUNDING)
  const to = target + row * paddedColumns
  const xShifts = columnShifts + 4 * row * paddedColumns
  const yShifts = rowShifts + 4 * row * paddedColumns
  let column = from
  do {
    let x0 = f64x2.add(f64x2.add(v128.load(cosines + 8 * column), xOfRow), centreX)
    let x1 = f64x2.add(f64x2.add(v128.load(cosines + 8 * column, 16), xOfRow), centreX)
    let y0 = f64x2.add(f64x2.sub(yOfRow, v128.load(sines + 8 * column)), centreY)
    let y1 = f64x2.add(f64x2.sub(yOfRow, v128.load(sines + 8 * column, 16)), centreY)
    if (isElastic) {
      const dx = v128.load(xShifts + 4 * column)
      const dy = v128.load(yShifts + 4 * column)
      x0 = f64x2.add(x0, f64x2.mul(units, f64x2.convert_low_i32x4_s(dx)))
      x1 = f64x2.add(x1, f64x2.mul(units, f64x2.convert_low_i32x4_s(highHalf(dx))))
      y0 = f64x2.add(y0, f64x2.mul(units, f64x2.convert_low_i32x4_s(dy)))
      y1 = f64x2.add(y1, f64x2.mul(units, f64x2.convert_low_i32x4_s(highHalf(dy))))
    }
    // Beyond the box, pixels are as blank as at its border.
    const x = i32x4.max_s(minX, i32x4.min_s(maxX, roundHalfUp(x0, x1, half, toFrame)))
    const y = i32x4.max_s(minY, i32x4.min_s(maxY, roundHalfUp(y0, y1, half, toFrame)))
    const four = loadQuads(i32x4.add(i32x4.mul(i32x4.shr_s(y, 8), pitch), i32x4.shr_s(x, 8)), origin)
    v128.store32_lane(to + column, interpolate(four, i32x4.shl(x, 16), i32x4.shl(y, 16), fraction, one, rounding), 0)
    column += 4
  } while (column < end)
}

/** ⌊value + ½⌋ of four float64, as int32. */
@inline
function roundHalfUp (low: v128, high: v128, half: v128, toInteger: v128): v128 {
  return i32x4.shuffle(
    f64x2.add(f64x2.floor(f64x2.add(low, half)), toInteger),
    f64x2.add(f64x2.floor(f64x2.add(high, half)), toInteger),
    0, 2, 4, 6
  )
}

/**
 * The same, without elastic distortion, in fixed-point arithmetic. Returns false if a coordinate is so close to a
 * multiple of 1/256 pixel that its error might matter: one in ten thousand pixels.
 */
@inline
function resampleRowFixed (target: usize, row: i32, from: i32, end: i32): bool {
  const v = <f64>row - centre(rows) - shiftRows
  // The two addends of a coordinate are rounded once each, so its error is at most 1, and that of float64 negligible.
  const tolerance: i32 = 2
  const xOfRow = i32x4.splat(<i32>nearest(FIXED * (sin * v + centre(columns) + 1 + 1 / 512)) + tolerance)
  const yOfRow = i32x4.splat(<i32>nearest(FIXED * (cos * v + centre(rows) + 1 + 1 / 512)) + tolerance)
  const minX = i32x4.splat((left - 1) << 24)
  const maxX = i32x4.splat((right + 1) << 24)
  const minY = i32x4.splat((top - 1) << 24)
  const maxY = i32x4.splat((bottom + 1) << 24)
  const pitch = i32x4.splat(framePitch)
  const origin = i32x4.splat(<i32>quads)
  const remainder = v128.load32_splat(REMAINDER)
  const fraction = v128.load32_splat(FRACTION)
  const one = v128.load32_splat(ONE)
  const rounding = v128.load32_splat(ROUNDING)
  const to = target + row * paddedColumns
  let least = remainder
  let column = from
  do {
    const exactX = i32x4.add(xOfRow, v128.load(fixedCosines + 4 * column))
    const exactY = i32x4.sub(yOfRow, v128.load(fixedSines + 4 * column))
    least = i32x4.min_u(least, i32x4.min_u(v128.and(exactX, remainder), v128.and(exactY, remainder)))
    const x = i32x4.max_s(minX, i32x4.min_s(maxX, exactX))
    const y = i32x4.max_s(minY, i32x4.min_s(maxY, exactY))
    const four = loadQuads(i32x4.add(i32x4.mul(i32x4.shr_s(y, 24), pitch), i32x4.shr_s(x, 24)), origin)
    v128.store32_lane(to + column, interpolate(four, x, y, fraction, one, rounding), 0)
    column += 4
  } while (column < end)
  return !v128.any_true(i32x4.lt_u(least, i32x4.splat(2 * tolerance)))
}

const REMAINDER = memory.data<u32>([0xffff])
