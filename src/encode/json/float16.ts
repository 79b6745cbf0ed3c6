/**
 * The shortest decimal text, in JSON's number syntax, to which no other half is as near, of the bits of a finite IEEE 754
 * binary16. Five significant digits always suffice (IEEE 754-2019, 5.12.2).
 */
export function shortestHalfText (bits: number): string {
  const sign = bits & 0x8000 ? '-' : ''
  const magnitude = bits & 0x7fff
  const value = valueOf(magnitude)
  // What lies between the midpoints to both neighbours reads back as this half.
  const low = magnitude === 0 ? -1 : (value + valueOf(magnitude - 1)) / 2
  const high = (value + valueOf(magnitude + 1)) / 2
  for (let digits = 1; digits < 5; digits++) {
    const near = Number(value.toPrecision(digits))
    if (near > low && near < high) return `${sign}${near}`
  }
  return `${sign}${Number(value.toPrecision(5))}`
}

/**
 * What 15 bits without a sign stand for, as eeeee mmmmmmmmmm with bias 15; an exponent of 0 is for subnormals, multiples of
 * 2^-24. Above the largest half, where infinity is, it goes on with 65536, which is how far that one's neighbourhood counts.
 */
function valueOf (magnitude: number): number {
  const exponent = magnitude >>> 10
  const fraction = magnitude & 0x3ff
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
}
