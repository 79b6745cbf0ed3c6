/** The random numbers of one sample: word(n) = mix(mix(n XOR key) + mix(key + 0x9E3779B9)), unsigned 32-bit. */

/** MurmurHash3's 32-bit finalizer. */
@inline
function mix (value: u32): u32 {
  let h = value
  h = (h ^ (h >> 16)) * 0x85ebca6b
  h = (h ^ (h >> 13)) * 0xc2b2ae35
  return h ^ (h >> 16)
}

/** The second addend of each word of a sample. */
@inline
export function increment (key: u32): u32 {
  return mix(key + 0x9e3779b9)
}

function word (n: u32, key: u32): u32 {
  return mix(mix(n ^ key) + increment(key))
}

/** A word as a number between −1 and 1, symmetric about 0. */
export function signed (n: u32, key: u32): f64 {
  return (2 * <f64>word(n, key) + 1 - 4294967296) / 4294967296
}

/** Whether a word is below this share of all. */
export function isWithin (n: u32, key: u32, share: f64): bool {
  return <f64>word(n, key) < share * 4294967296
}

/** A word as an integer from 0 up to but not including `count`. */
export function below (n: u32, key: u32, count: i32): i32 {
  return <i32>((<u64>word(n, key) * <u64>count) >> 32)
}

/** The factors of `mix`, to be loaded before loops. */
export const FIRST_FACTOR = memory.data<u32>([0x85ebca6b])
export const SECOND_FACTOR = memory.data<u32>([0xc2b2ae35])

@inline
function mix4 (value: v128, first: v128, second: v128): v128 {
  let h = value
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 16)), first)
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 13)), second)
  return v128.xor(h, i32x4.shr_u(h, 16))
}

/** Four words at once, with `key`, `increment` and the two factors in each lane. */
@inline
export function words4 (n: v128, key: v128, increment: v128, first: v128, second: v128): v128 {
  return mix4(i32x4.add(mix4(v128.xor(n, key), first, second), increment), first, second)
}

/** The words that each augmentation uses. */
export const ROTATE: u32 = 0
export const SHIFT_COLUMNS: u32 = 1
export const SHIFT_ROWS: u32 = 2
export const SCALE: u32 = 3
export const CUTOUT_COLUMN: u32 = 4
export const CUTOUT_ROW: u32 = 5
export const FLIP: u32 = 6
/** One per pixel. */
export const ELASTIC: u32 = 0x10000
/** Three per pixel. */
export const NOISE: u32 = 0x20000
