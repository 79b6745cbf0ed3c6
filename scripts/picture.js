/**
 * Renders docs/digits.png, the picture in the README: a page of a shuffled epoch, and below it the same page augmented.
 * Starts the built server on a free port and reads both pages over HTTP.
 *
 *     npm run picture
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { encode } from 'fast-png'

const root = fileURLToPath(new URL('..', import.meta.url))
const file = join(root, 'docs/digits.png')

const COLUMNS = 16
const ROWS_PER_PAGE = 4
const SIDE = 28
const SCALE = 2
/** Black pixels between the two pages, before scaling. */
const GAP = 6

const page = `/v1/datasets/mnist/splits/train/batches?batch_size=${COLUMNS * ROWS_PER_PAGE}&seed=42&normalization=raw`
const augmentation = '&augment=rotate:15,scale:0.1,elastic:34'

const dataFolder = await mkdtemp(join(tmpdir(), 'picture-'))
const server = spawn(process.execPath, [join(root, 'dist/server.js')], {
  env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: dataFolder, KEEP_PREPARED: '0' },
  stdio: ['ignore', 'pipe', 'inherit']
})
const exit = once(server, 'exit')
try {
  const base = await listening(server.stdout)
  const png = render([await fetchImages(base + page), await fetchImages(base + page + augmentation)])
  await writeFile(file, png)
  console.log(`${file}: ${png.length} bytes`)
} finally {
  server.kill('SIGTERM')
  await exit
  await rm(dataFolder, { recursive: true })
}

/** Resolves to the server's address, and keeps reading the log so that the pipe never fills up. */
function listening (log) {
  return new Promise((resolve, reject) => {
    createInterface(log)
      .on('line', line => {
        const url = /http:\/\/[\w.:[\]]+\d/.exec(line)
        if (url) resolve(url[0])
      })
      .on('close', () => reject(new Error('the server ended before it listened')))
  })
}

/** Fetches the images of a page, and waits while the dataset is being prepared. */
async function fetchImages (url) {
  for (;;) {
    const response = await fetch(url)
    if (response.ok) return (await response.json()).images
    if (response.status !== 503) throw new Error(`${url} answers ${response.status}`)
    await delay(100)
  }
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
