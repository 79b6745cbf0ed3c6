/** MurmurHash3's 32-bit finalizer (Appleby, fmix32): a bijection on unsigned 32-bit integers. */
export function mix (value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The function that returns the key of sample i in an epoch. Keys of one (seed, epoch) never tie, since `mix` is a
 * bijection:
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

/** Bits per pass of the radix sort: three passes cover all 32. */
const DIGIT = 11

/** The numbers 0 … count−1, sorted by their keys in ascending order: u32 of `count`, in linear time. */
export function shuffledOrder (count: number, seed: number, epoch: number): Uint32Array {
  const key = sampleKey(seed, epoch)
  let source: Entries = { keys: new Uint32Array(count), order: new Uint32Array(count) }
  let target: Entries = { keys: new Uint32Array(count), order: new Uint32Array(count) }
  for (let i = 0; i < count; i++) {
    source.keys[i] = key(i)
    source.order[i] = i
  }
  for (let shift = 0; shift < 32; shift += DIGIT) {
    distribute(source, target, shift);
    [source, target] = [target, source]
  }
  return source.order
}

interface Entries {
  readonly keys: Uint32Array
  /** The number that each key belongs to. */
  readonly order: Uint32Array
}

/** One pass of a stable least-significant-digit radix sort. */
function distribute (source: Entries, target: Entries, shift: number): void {
  const mask = (1 << DIGIT) - 1
  const starts = new Uint32Array(1 << DIGIT)
  const { keys, order } = source
  for (let i = 0; i < keys.length; i++) starts[(keys[i]! >>> shift) & mask]!++
  for (let digit = 0, start = 0; digit < starts.length; digit++) {
    const size = starts[digit]!
    starts[digit] = start
    start += size
  }
  for (let i = 0; i < keys.length; i++) {
    const position = starts[(keys[i]! >>> shift) & mask]!++
    target.keys[position] = keys[i]!
    target.order[position] = order[i]!
  }
}
