/** The codes of lengths and distances, each with a base and extra bits (RFC 1951 §3.2.5). */

export const MIN_MATCH = 3
export const MAX_MATCH = 258
export const END_OF_BLOCK = 256
const FIRST_LENGTH_CODE = 257

export const lengthExtraBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
export const distanceExtraBits = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]
/** Of the alphabet of literals and lengths. */
export const symbolExtraBits = [...new Array<number>(FIRST_LENGTH_CODE).fill(0), ...lengthExtraBits]

export const lengthBases = basesOf(lengthExtraBits, MIN_MATCH)
export const distanceBases = basesOf(distanceExtraBits, 1)
// The longest length has a code of its own, though the one before it would reach so far.
lengthBases[28] = MAX_MATCH

const lengthSymbols = codesOf(lengthBases, MAX_MATCH)
// Distances up to 256 one by one, larger ones by 128: a code's base is a multiple of 128 and 1 there.
const nearCodes = codesOf(distanceBases, 256)
const farCodes = Uint8Array.from({ length: 256 }, (_, i) => distanceBases.findLastIndex(base => base <= i * 128 + 1))

/** The symbol of a match's length, in the alphabet that it shares with literals. */
export function lengthSymbol (length: number): number {
  return FIRST_LENGTH_CODE + lengthSymbols[length]!
}

export function distanceCode (distance: number): number {
  return distance <= 256 ? nearCodes[distance]! : farCodes[(distance - 1) >>> 7]!
}

function basesOf (extraBits: readonly number[], first: number): number[] {
  let base = first
  return extraBits.map(bits => (base += 2 ** bits) - 2 ** bits)
}

function codesOf (bases: readonly number[], last: number): Uint8Array {
  return Uint8Array.from({ length: last + 1 }, (_, value) => Math.max(0, bases.findLastIndex(base => base <= value)))
}
