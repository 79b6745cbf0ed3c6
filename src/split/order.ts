/** MurmurHash3's 32-bit finalizer (Appleby, fmix32): a bijection on unsigned 32-bit integers. */
export function mix (value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The key that orders sample `i` of an epoch; keys of one (seed, epoch) never tie, since `mix` is a bijection:
 *
 *     a = mix(seed)    b = mix(a XOR mix(epoch + 0x9E3779B9))    key(i) = mix(mix(i XOR a) + b)
 *
 * all in unsigned 32-bit arithmetic.
 */
export function sampleKey (seed: number, epoch: number): (i: number) => number {
  const a = mix(seed)
  const b = mix(a ^ mix(epoch + 0x9e3779b9))
  return i => mix(mix(i ^ a) + b)
}

/** The numbers 0 … count−1, sorted by their key ascending: u32 of `count`. */
export function shuffledOrder (count: number, seed: number, epoch: number): Uint32Array {
  const key = sampleKey(seed, epoch)
  // Key in the high and index in the low half of a 53-bit integer: one native numeric sort, exact while count ≤ 2²¹.
  const packed = new Float64Array(count)
  for (let i = 0; i < count; i++) packed[i] = key(i) * 0x200000 + i
  packed.sort()
  return Uint32Array.from(packed, value => value % 0x200000)
}
