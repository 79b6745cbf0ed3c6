/** Codes of match lengths and distances: a base value each, plus the value of extra bits (RFC 1951 §3.2.5). */

export const MIN_MATCH = 3
export const MAX_MATCH = 258
export const END_OF_BLOCK = 256
const FIRST_LENGTH_SYMBOL = 257

/** Extra bits of each length code and each distance code. */
export const lengthExtraBits = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0
]
export const distanceExtraBits = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13
]
/** Extra bits of each symbol of the alphabet of literals, end of block, and lengths. */
export const symbolExtraBits = [...new Array<number>(FIRST_LENGTH_SYMBOL).fill(0), ...lengthExtraBits]

/** Smallest value of each code. */
export const lengthBases = computeBases(lengthExtraBits, MIN_MATCH)
export const distanceBases = computeBases(distanceExtraBits, 1)
// The longest length has a code of its own, although the code before it would cover it.
lengthBases[28] = MAX_MATCH

const codeOfLength = invert(lengthBases, MAX_MATCH)
// Distances up to 256 have a table entry each. Above, codes start at multiples of 128, plus 1: one entry covers 128.
const codeOfNearDistance = invert(distanceBases, 256)
const codeOfFarDistance = Uint8Array.from({ length: 256 }, (_, i) => findCode(distanceBases, i * 128 + 1))

/** The symbol of a match length, in the alphabet that lengths share with literals. */
export function lengthSymbol (length: number): number {
  return FIRST_LENGTH_SYMBOL + codeOfLength[length]!
}

export function distanceCode (distance: number): number {
  return distance <= 256 ? codeOfNearDistance[distance]! : codeOfFarDistance[(distance - 1) >>> 7]!
}

function computeBases (extraBits: readonly number[], first: number): number[] {
  let next = first
  return extraBits.map(bits => {
    const base = next
    next += 2 ** bits
    return base
  })
}

/** Maps each value up to `last` to its code. */
function invert (bases: readonly number[], last: number): Uint8Array {
  return Uint8Array.from({ length: last + 1 }, (_, value) => Math.max(0, findCode(bases, value)))
}

function findCode (bases: readonly number[], value: number): number {
  return bases.findLastIndex(base => base <= value)
}
