import { columns, rows } from './layout'
import { below, CUTOUT_COLUMN, CUTOUT_ROW } from './random'

/**
 * Sets a square to 0, in place (DeVries, Taylor 2017: Improved Regularization of Convolutional Neural Networks with
 * Cutout). Its centre is any pixel of the image, so part of it may lie outside, as in the paper. It covers `side` rows
 * from the centre's − ⌊side/2⌋, and columns likewise.
 */
export function cutOut (image: usize, side: i32, key: u32): void {
  const top = below(CUTOUT_ROW, key, rows) - (side >> 1)
  const left = below(CUTOUT_COLUMN, key, columns) - (side >> 1)
  for (let row = max(0, top); row < min(rows, top + side); row++) {
    for (let column = max(0, left); column < min(columns, left + side); column++) {
      store<u8>(image + row * columns + column, 0)
    }
  }
}
