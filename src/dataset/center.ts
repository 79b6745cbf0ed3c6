/**
 * float32(x/255 − mean), the quotient rounded to float32 first: bit for bit what preparation makes of the stored images.
 *
 * @param levels u8 of whole images
 * @param unit float32 256: the value of each level
 * @param meanImage float32, as many as an image has pixels
 * @param values where they are put: as many as there are levels
 */
export function center (levels: Uint8Array, unit: Float32Array, meanImage: Float32Array, values = new Float32Array(levels.length)): Float32Array {
  const size = meanImage.length
  // Most pixels are blank, and side by side: copied, and looked for four at a time.
  const blank = meanImage.map(mean => unit[0]! - mean)
  for (let start = 0; start < levels.length; start += size) values.set(blank, start)
  const { buffer, byteOffset } = levels.byteOffset % 4 === 0 ? levels : levels.slice()
  const fours = new Uint32Array(buffer, byteOffset, levels.length >> 2)
  for (let i = 0; i < fours.length; i++) {
    if (fours[i] !== 0) centerSome(4 * i, 4 * i + 4)
  }
  centerSome(4 * fours.length, levels.length)
  return values

  function centerSome (from: number, to: number): void {
    for (let i = from, pixel = from % size; i < to; i++, pixel = pixel + 1 === size ? 0 : pixel + 1) {
      values[i] = unit[levels[i]!]! - meanImage[pixel]!
    }
  }
}
