import { TIME_SLICE_MS, yieldToEventLoop } from '../scheduling/event-loop.ts'

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
const DIGIT_BITS = 11
const DIGIT_MASK = (1 << DIGIT_BITS) - 1

/** Elements between two yields: well below a millisecond of work. */
const SLICE = 1 << 14

/** The numbers 0 … count−1, sorted by their keys in ascending order: u32 of `count`, in linear time. */
export function shuffledOrder (count: number, seed: number, epoch: number): Uint32Array {
  const steps = sortByKey(count, seed, epoch)
  for (;;) {
    const { value, done } = steps.next()
    if (done) return value
  }
}

/** The same, yielding to the event loop between time slices. */
export async function shuffledOrderInSlices (count: number, seed: number, epoch: number): Promise<Uint32Array> {
  const steps = sortByKey(count, seed, epoch)
  for (let deadline = performance.now() + TIME_SLICE_MS; ;) {
    const { value, done } = steps.next()
    if (done) return value
    if (performance.now() < deadline) continue
    await yieldToEventLoop()
    deadline = performance.now() + TIME_SLICE_MS
  }
}

interface Entries {
  readonly keys: Uint32Array
  /** The number that each key belongs to. */
  readonly order: Uint32Array
}

/** A stable least-significant-digit radix sort, in steps. */
function * sortByKey (count: number, seed: number, epoch: number): Generator<void, Uint32Array> {
  const key = sampleKey(seed, epoch)
  let source: Entries = { keys: new Uint32Array(count), order: new Uint32Array(count) }
  let target: Entries = { keys: new Uint32Array(count), order: new Uint32Array(count) }
  for (let start = 0; start < count; start += SLICE) {
    fillKeys(source, key, start, Math.min(start + SLICE, count))
    yield
  }
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    const positions = digitStarts(source.keys, shift)
    yield
    for (let start = 0; start < count; start += SLICE) {
      distribute(source, target, positions, shift, start, Math.min(start + SLICE, count))
      yield
    }
    [source, target] = [target, source]
  }
  return source.order
}

function fillKeys ({ keys, order }: Entries, key: (i: number) => number, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    keys[i] = key(i)
    order[i] = i
  }
}

/** The position of the first key with each digit. */
function digitStarts (keys: Uint32Array, shift: number): Uint32Array {
  const starts = new Uint32Array(1 << DIGIT_BITS)
  for (let i = 0; i < keys.length; i++) starts[(keys[i]! >>> shift) & DIGIT_MASK]!++
  for (let digit = 0, start = 0; digit < starts.length; digit++) {
    const size = starts[digit]!
    starts[digit] = start
    start += size
  }
  return starts
}

/** Moves entries to the positions of their digits, which advance. */
function distribute (
  { keys, order }: Entries,
  target: Entries,
  positions: Uint32Array,
  shift: number,
  start: number,
  end: number
): void {
  for (let i = start; i < end; i++) {
    const position = positions[(keys[i]! >>> shift) & DIGIT_MASK]!++
    target.keys[position] = keys[i]!
    target.order[position] = order[i]!
  }
}
