import type { ImageSize } from './sample-splits.ts'

/** Pixels of an image, at most: 4096×4096. Statistics and tables take memory for each. */
const MAX_PIXELS = 1 << 24

/** What is wrong with the size of images, as the end of a sentence; undefined if nothing is. */
export function findSizeFault ({ rows, columns }: ImageSize): string | undefined {
  const isPositive = Number.isInteger(rows) && Number.isInteger(columns) && rows > 0 && columns > 0
  if (isPositive && rows * columns <= MAX_PIXELS) return undefined
  return `${rows}×${columns} pixels, allowed are 1 to ${MAX_PIXELS}`
}
