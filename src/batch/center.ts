/**
 * The normalization `centered`: float32(x/255 − mean), the quotient rounded to float32 first.
 *
 * @param unit float32 of 256: the quotient of each pixel level
 * @param meanImage float32 of channels·rows·columns
 * @returns a function from u8 pixels of consecutive images to values, float32 of the same length; `position` is that of
 *   the first pixel in its image
 */
export function imageCenterer (
  unit: Float32Array,
  meanImage: Float32Array
): (pixels: Uint8Array, values: Float32Array, position?: number) => void {
  const size = meanImage.length
  const blank = new Float32Array(size)
  for (let position = 0; position < size; position++) blank[position] = unit[0]! - meanImage[position]!

  // Most pixels are blank and adjacent, so blank images are copied, and the other pixels found four at a time.
  return (pixels, values, position = 0) => {
    for (let start = 0, from = position; start < pixels.length; start += size - from, from = 0) {
      values.set(blank.subarray(from, from + pixels.length - start), start)
    }
    const { buffer, byteOffset } = pixels.byteOffset % 4 === 0 ? pixels : pixels.slice()
    const quads = new Uint32Array(buffer, byteOffset, pixels.length >> 2)
    for (let i = 0; i < quads.length; i++) {
      if (quads[i] !== 0) centerPixels(pixels, 4 * i, 4 * i + 4, values, position)
    }
    centerPixels(pixels, 4 * quads.length, pixels.length, values, position)
  }

  function centerPixels (
    pixels: Uint8Array,
    start: number,
    end: number,
    values: Float32Array,
    offset: number
  ): void {
    for (let i = start, at = (offset + start) % size; i < end; i++, at = at + 1 === size ? 0 : at + 1) {
      values[i] = unit[pixels[i]!]! - meanImage[at]!
    }
  }
}
