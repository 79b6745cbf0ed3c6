/** MurmurHash3's 32-bit finalizer (Appleby, fmix32): a bijection on unsigned 32-bit integers. */
export function mix (value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
