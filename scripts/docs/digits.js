/**
 * Renders docs/digits.png, the picture in the README: a page of a shuffled epoch, and below it the same page augmented.
 * Starts the built server on a free port and reads both pages over HTTP.
 *
 *     npm run docs -- digits
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { encode } from 'fast-png'
import { fetchBytes } from '../lib/fetch.js'
import { startQuietService } from '../lib/server.js'

const file = fileURLToPath(new URL('../../docs/digits.png', import.meta.url))

const COLUMNS = 16
const ROWS_PER_PAGE = 4
const SIDE = 28
const SCALE = 2
/** Black pixels between the two pages, before scaling. */
const GAP = 6

const page = `/v1/datasets/mnist/splits/train/batches?batch_size=${COLUMNS * ROWS_PER_PAGE}&seed=42&normalization=raw`
const augmentation = '&augment=rotate:15,scale:0.1,elastic:34'

const { base, stop } = await startQuietService()
try {
  const png = render([await fetchImages(base + page), await fetchImages(base + page + augmentation)])
  await writeFile(file, png)
  console.log(`${file}: ${png.length} bytes`)
} finally {
  await stop()
}

async function fetchImages (url) {
  return JSON.parse(await fetchBytes(url)).images
}

/** Draws pages below one another, each digit enlarged by SCALE without smoothing. */
function render (pages) {
  const width = COLUMNS * SIDE
  const height = pages.length * ROWS_PER_PAGE * SIDE + (pages.length - 1) * GAP
  const data = new Uint8Array(width * SCALE * height * SCALE)
  for (const [p, images] of pages.entries()) {
    const top = p * (ROWS_PER_PAGE * SIDE + GAP)
    for (const [i, image] of images.entries()) {
      const left = (i % COLUMNS) * SIDE
      const above = top + Math.floor(i / COLUMNS) * SIDE
      for (const [k, level] of image.entries()) {
        fillPixel(data, width, left + k % SIDE, above + Math.floor(k / SIDE), level)
      }
    }
  }
  return encode({ width: width * SCALE, height: height * SCALE, data, channels: 1, depth: 8 }, { zlib: { level: 9 } })
}

function fillPixel (data, width, x, y, level) {
  for (let dy = 0; dy < SCALE; dy++) {
    const from = (y * SCALE + dy) * width * SCALE + x * SCALE
    data.fill(level, from, from + SCALE)
  }
}
