import { mix } from '../../dataset/order.ts'

/** The random numbers of one sample: word n, unsigned 32-bit. */
export type Words = (n: number) => number

/**
 * Counter-based random numbers: each can be computed without those before it.
 *
 *     l = mix(key + 0x9E3779B9)    word(n) = mix(mix(n XOR key) + l)
 *
 * all in unsigned 32-bit arithmetic. The order of an epoch is keyed in the same way.
 *
 * @param key of the sample in the order of its epoch
 */
export function sampleWords (key: number): Words {
  const l = mix(key + 0x9e3779b9)
  return n => mix((mix(n ^ key) + l) | 0)
}

/** The words that each augmentation uses. None are shared, so its result is the same with and without the others. */
export const words = {
  rotate: 0,
  shiftColumns: 1,
  shiftRows: 2,
  scale: 3,
  cutoutColumn: 4,
  cutoutRow: 5,
  /** One per pixel. */
  elastic: 0x10000,
  /** Three per pixel. */
  noise: 0x20000
} as const

/** Maps a word to a number between −1 and 1, symmetric about 0: (2·word + 1 − 2³²)/2³², exact in float64. */
export function signed (word: number): number {
  return (2 * word + 1 - 0x100000000) / 0x100000000
}

/** Maps a word to an integer from 0 up to but not including `count`: ⌊word·count/2³²⌋, exact in float64. */
export function below (word: number, count: number): number {
  return Math.floor(word * count / 0x100000000)
}
