/**
 * The normalization `centered`: float32(x/255 − mean), the quotient rounded to float32 first.
 *
 * @param unit float32 of 256: the quotient of each pixel level
 * @param meanImage float32 of rows·columns
 * @returns a function from u8 images to values, float32 of the same length n·rows·columns
 */
export function imageCenterer (
  unit: Float32Array,
  meanImage: Float32Array
): (images: Uint8Array, values: Float32Array) => void {
  const size = meanImage.length
  const blank = meanImage.map(mean => unit[0]! - mean)

  // Most pixels are blank and adjacent, so blank images are copied, and the other pixels found four at a time.
  return (images, values) => {
    for (let start = 0; start < images.length; start += size) values.set(blank, start)
    const { buffer, byteOffset } = images.byteOffset % 4 === 0 ? images : images.slice()
    const quads = new Uint32Array(buffer, byteOffset, images.length >> 2)
    for (let i = 0; i < quads.length; i++) {
      if (quads[i] !== 0) centerPixels(images, 4 * i, 4 * i + 4, values)
    }
    centerPixels(images, 4 * quads.length, images.length, values)
  }

  function centerPixels (images: Uint8Array, start: number, end: number, values: Float32Array): void {
    for (let i = start, position = start % size; i < end; i++, position = position + 1 === size ? 0 : position + 1) {
      values[i] = unit[images[i]!]! - meanImage[position]!
    }
  }
}
