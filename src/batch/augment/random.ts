import { mix } from '../../dataset/mix.ts'

/** The random numbers of one sample: word n, unsigned 32-bit. */
export type Words = (n: number) => number

/**
 * Random numbers by counter, so that any of them can be had without those before it:
 *
 *     l = mix(key + 0x9E3779B9)    word(n) = mix(mix(n XOR key) + l)
 *
 * all in unsigned 32-bit arithmetic; it is how the order of an epoch is keyed, one level down.
 *
 * @param key of the sample in its epoch: that of the order of an epoch
 */
export function wordsOf (key: number): Words {
  const l = mix(key + 0x9e3779b9)
  return n => mix((mix(n ^ key) + l) | 0)
}

/** Which words are whose. Each augmentation has its own, so it does the same with and without the others. */
export const words = {
  rotate: 0,
  shiftColumns: 1,
  shiftRows: 2,
  scale: 3,
  cutoutColumn: 4,
  cutoutRow: 5,
  /** One a pixel. */
  elastic: 0x10000,
  /** Three a pixel. */
  noise: 0x20000
} as const

/** A word as a number between −1 and 1, uniform and symmetric about 0: (2·word + 1 − 2³²)/2³², exact in float64. */
export function signed (word: number): number {
  return (2 * word + 1 - 0x100000000) / 0x100000000
}

/** A word as an integer from 0 up to but not including `count`: ⌊word·count/2³²⌋, exact in float64. */
export function below (word: number, count: number): number {
  return Math.floor(word * count / 0x100000000)
}
