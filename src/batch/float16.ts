const scratch = new Float32Array(1)
const scratchBits = new Uint32Array(scratch.buffer)

/**
 * The bits of the IEEE 754 binary16 nearest to a float32, ties to even, as NumPy's `astype(float16)` rounds. Magnitudes
 * from 65520 on become infinite, NaN stays NaN, and the sign is preserved.
 *
 *     float32  s eeeeeeee mmmmmmmmmmmmmmmmmmmmmmm   bias 127
 *     binary16 s eeeee mmmmmmmmmm                   bias 15
 */
export function float16Bits (value: number): number {
  scratch[0] = value
  const bits = scratchBits[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00
  // Below 2^-14, binary16 values are multiples of 2^-24. Adding ½, whose float32 ulp is 2^-24, lets the hardware round.
  if (magnitude < 0x38800000) {
    scratch[0] = Math.abs(value) + 0.5
    return sign | (scratchBits[0]! - 0x3f000000)
  }
  // Changes the exponent's bias from 127 to 15 and rounds off 13 bits; a carry moves up into the exponent.
  const odd = (magnitude >>> 13) & 1
  return sign | ((magnitude - ((127 - 15) << 23) + 0xfff + odd) >>> 13)
}
