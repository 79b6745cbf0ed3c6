import { columns, levels, meanImage, rows, targets, values } from './layout'

/** Computes float32 values of the first `count` augmented images: the value of a pixel's level, less the mean image. */
export function normalize (count: i32): void {
  const size = rows * columns
  // In whole vectors, so what is beyond the end of an image is overwritten by the next one.
  for (let i = 0; i < count; i++) normalizeImage(targets + i * size, values + 4 * i * size, size)
}

function normalizeImage (image: usize, target: usize, size: i32): void {
  for (let pixel = 0; pixel < size; pixel += 4) {
    const quad = load<u32>(image + pixel)
    let value = v128.load32_zero(levelAddress(quad & 0xff))
    value = v128.load32_lane(levelAddress((quad >> 8) & 0xff), value, 1)
    value = v128.load32_lane(levelAddress((quad >> 16) & 0xff), value, 2)
    value = v128.load32_lane(levelAddress(quad >> 24), value, 3)
    v128.store(target + 4 * pixel, f32x4.sub(value, v128.load(meanImage + 4 * pixel)))
  }
}

@inline
function levelAddress (level: u32): usize {
  return levels + 4 * level
}
