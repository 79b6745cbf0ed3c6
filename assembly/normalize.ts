import { channels, columns, levels, meanImage, rows, targets, values } from './layout'

/** Computes float32 values of the first `count` augmented images: the value of a pixel's level, less the mean image. */
export function normalize (count: i32): void {
  const size = rows * columns
  let plane: usize = 0
  // In whole vectors, so what is beyond the end of a plane is overwritten by the next one.
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < channels; channel++) {
      const table = levels + 4 * 256 * channel
      normalizePlane(targets + plane, values + 4 * plane, size, table, meanImage + 4 * channel * size)
      plane += size
    }
  }
}

function normalizePlane (image: usize, target: usize, size: i32, table: usize, subtrahends: usize): void {
  for (let pixel = 0; pixel < size; pixel += 4) {
    const quad = load<u32>(image + pixel)
    let value = v128.load32_zero(levelAddress(table, quad & 0xff))
    value = v128.load32_lane(levelAddress(table, (quad >> 8) & 0xff), value, 1)
    value = v128.load32_lane(levelAddress(table, (quad >> 16) & 0xff), value, 2)
    value = v128.load32_lane(levelAddress(table, quad >> 24), value, 3)
    v128.store(target + 4 * pixel, f32x4.sub(value, v128.load(subtrahends + 4 * pixel)))
  }
}

@inline
function levelAddress (table: usize, level: u32): usize {
  return table + 4 * level
}
