import type { ElementType } from '../../batch/tensor.ts'

/** Bytes of the longest text of a number. */
export const MAX_NUMBER_LENGTH = 15

/** The function that returns the shortest text of an element of this type. */
export function numberWriter (dtype: ElementType): (element: number) => string {
  return dtype === 'float16' ? shortestFloat16 : shortestFloat32
}

/**
 * The shortest decimal text that reads back as exactly this float32, in JSON's number syntax and at most 15 characters.
 * Nine significant digits always suffice (IEEE 754-2019, 5.12.2).
 */
export function shortestFloat32 (value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return plainOrScientific(Number(text))
  }
  return plainOrScientific(Number(value.toPrecision(9)))
}

function plainOrScientific (value: number): string {
  const plain = String(value)
  const scientific = value.toExponential()
  return scientific.length < plain.length ? scientific : plain
}

/**
 * The shortest decimal text, in JSON's number syntax, that is nearer to this finite IEEE 754 binary16 than to any
 * other. Five significant digits always suffice (IEEE 754-2019, 5.12.2).
 *
 * @param bits of the binary16
 */
export function shortestFloat16 (bits: number): string {
  const sign = bits & 0x8000 ? '-' : ''
  const magnitude = bits & 0x7fff
  const value = float16Value(magnitude)
  // Everything between the midpoints to both neighbours reads back as this number.
  const low = magnitude === 0 ? -1 : (value + float16Value(magnitude - 1)) / 2
  const high = (value + float16Value(magnitude + 1)) / 2
  for (let digits = 1; digits < 5; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (candidate > low && candidate < high) return `${sign}${candidate}`
  }
  return `${sign}${Number(value.toPrecision(5))}`
}

/**
 * The value of the bits eeeee mmmmmmmmmm with bias 15; an exponent of 0 means multiples of 2^-24. The bits of infinity
 * yield 65536, which is the neighbour that the largest number is rounded against.
 */
function float16Value (magnitude: number): number {
  const exponent = magnitude >>> 10
  const fraction = magnitude & 0x3ff
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
}
