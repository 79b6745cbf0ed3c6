import type { ImageSize } from '../../dataset/sample-splits.ts'
import { below, words, type Words } from './random.ts'

/**
 * Sets a square to 0, in place (DeVries, Taylor 2017: Improved Regularization of Convolutional Neural Networks with
 * Cutout). Its centre is any pixel of the image, so part of it may lie outside, as in the paper. It covers `side` rows
 * from the centre's − ⌊side/2⌋, and columns likewise.
 */
export function cutOut (image: Uint8Array, { rows, columns }: ImageSize, side: number, word: Words): void {
  const top = below(word(words.cutoutRow), rows) - (side >> 1)
  const left = below(word(words.cutoutColumn), columns) - (side >> 1)
  const [start, end] = [Math.max(0, left), Math.max(0, Math.min(columns, left + side))]
  for (let row = Math.max(0, top); row < Math.min(rows, top + side); row++) {
    image.fill(0, row * columns + start, row * columns + end)
  }
}
