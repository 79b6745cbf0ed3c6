/** Where everything is in memory, as addresses in bytes. Zeros around an array are never written. */

/** Size of the images, which are planes of rows·columns, one after the other. */
export let channels: i32 = 0
export let rows: i32 = 0
export let columns: i32 = 0

/** The same, rounded up to whole vectors. */
export let paddedRows: i32 = 0
export let paddedColumns: i32 = 0

/** u8 images, one after another: as they are stored, and augmented. */
export let sources: usize = 0
export let targets: usize = 0
/** float32 values of the augmented images. */
export let values: usize = 0
/** float32: the value of each of 256 levels, per channel, and what is subtracted from the values of an image. */
export let levels: usize = 0
export let meanImage: usize = 0
/** u32 keys of the images. */
export let keys: usize = 0

/** The source with a border of zeros: the pixel in row r and column c is byte (r + 1)·framePitch + c + 1. */
export let frame: usize = 0
export let framePitch: i32 = 0
/** For each byte of the frame a quad of 32 bits: the four pixels from there on, of which an interpolation is made. */
export let quads: usize = 0

/** float64 per column, and the same as fixed-point int32, see resample.ts. */
export let cosines: usize = 0
export let sines: usize = 0
export let fixedCosines: usize = 0
export let fixedSines: usize = 0

/** The elastic field: random pairs of int16, per column paddedRows of them, with `ZEROS` columns before and after. */
export let uniforms: usize = 0
/** int32: two vectors per pixel of a line, with `ZEROS` pixels before. */
export let narrowSums: usize = 0
export let middleSums: usize = 0
/** int32: per column, four rows of the one field, four rows of the other, the next four rows, and so on. */
export let smoothed: usize = 0
/** int32: per row, the one field and the other, paddedColumns each, with `ZEROS` rows before and after. */
export let transposed: usize = 0
/** int32 rows·paddedColumns: displacements along columns and along rows. */
export let columnShifts: usize = 0
export let rowShifts: usize = 0

/** The zeros before and after a line, as many as the windows of elastic.ts need. */
export const ZEROS: i32 = 12

/** Bytes beyond the end of arrays that may be read and overwritten, since they are processed in whole vectors. */
const SLACK: usize = 64

let end: usize = 0

function reserve (bytes: usize): usize {
  const start = end
  end += (bytes + SLACK + 15) & ~15
  return start
}

/** Reserves memory for images of this size, up to `capacity` at a time. To be called once, before everything else. */
export function layOut (imageChannels: i32, imageRows: i32, imageColumns: i32, capacity: i32): void {
  channels = imageChannels
  rows = imageRows
  columns = imageColumns
  paddedRows = (rows + 3) & ~3
  paddedColumns = (columns + 3) & ~3
  framePitch = (columns + 2 + 15) & ~15
  end = (__heap_base + 15) & ~15

  const frameBytes = (rows + 3) * framePitch
  const images = capacity * channels * rows * columns
  const line = max(rows, columns) + 2 * ZEROS
  quads = reserve(4 * frameBytes)
  frame = reserve(frameBytes)
  cosines = reserve(8 * paddedColumns)
  sines = reserve(8 * paddedColumns)
  fixedCosines = reserve(4 * paddedColumns)
  fixedSines = reserve(4 * paddedColumns)
  uniforms = reserve(4 * (columns + 2 * ZEROS) * paddedRows)
  narrowSums = reserve(32 * line)
  middleSums = reserve(32 * line)
  smoothed = reserve(8 * paddedColumns * paddedRows)
  transposed = reserve(8 * (paddedRows + 2 * ZEROS) * paddedColumns)
  columnShifts = reserve(4 * paddedRows * paddedColumns)
  rowShifts = reserve(4 * paddedRows * paddedColumns)
  keys = reserve(4 * capacity)
  sources = reserve(images)
  targets = reserve(images + rows * paddedColumns)
  values = reserve(4 * images)
  levels = reserve(4 * 256 * channels)
  meanImage = reserve(4 * channels * rows * columns)

  const pages = <i32>((end + 0xffff) >>> 16)
  if (pages > memory.size()) memory.grow(pages - memory.size())
}

/** The addresses of the images to augment, of their keys, and of the augmented images. */
export function getSources (): usize { return sources }
export function getKeys (): usize { return keys }
export function getTargets (): usize { return targets }

/** The addresses of what values are computed from, and of the values. */
export function getLevels (): usize { return levels }
export function getMeanImage (): usize { return meanImage }
export function getValues (): usize { return values }
