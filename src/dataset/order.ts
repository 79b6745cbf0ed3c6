import { mix } from './mix.ts'

export { mix }

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

/** Bits that a pass of the radix sort looks at: three passes see all 32. */
const DIGIT = 11

/** The numbers 0 … count−1, sorted by their key ascending: u32 of `count`. Takes time in proportion to `count`. */
export function shuffledOrder (count: number, seed: number, epoch: number): Uint32Array {
  const key = sampleKey(seed, epoch)
  let [keys, order] = [new Uint32Array(count), new Uint32Array(count)]
  let [nextKeys, nextOrder] = [new Uint32Array(count), new Uint32Array(count)]
  for (let i = 0; i < count; i++) {
    keys[i] = key(i)
    order[i] = i
  }
  for (let shift = 0; shift < 32; shift += DIGIT) {
    distribute(keys, order, nextKeys, nextOrder, shift);
    [keys, order, nextKeys, nextOrder] = [nextKeys, nextOrder, keys, order]
  }
  return order
}

/** One pass of a stable least-significant-digit radix sort: moves keys, and the numbers they belong to, by one digit. */
function distribute (keys: Uint32Array, order: Uint32Array, toKeys: Uint32Array, toOrder: Uint32Array, shift: number): void {
  const mask = (1 << DIGIT) - 1
  const starts = new Uint32Array(1 << DIGIT)
  for (let i = 0; i < keys.length; i++) starts[(keys[i]! >>> shift) & mask]!++
  for (let digit = 0, start = 0; digit < starts.length; digit++) {
    const size = starts[digit]!
    starts[digit] = start
    start += size
  }
  for (let i = 0; i < keys.length; i++) {
    const to = starts[(keys[i]! >>> shift) & mask]!++
    toKeys[to] = keys[i]!
    toOrder[to] = order[i]!
  }
}
