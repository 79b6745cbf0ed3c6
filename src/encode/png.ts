import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Format } from './format.ts'
import { encodePixels } from './png-encoder.ts'

export const png: Format = { name: 'png', mediaType: 'image/png' }

/** Pixels that take some milliseconds, less than it takes to start a thread. */
const SMALL = 1 << 14

let last: Promise<unknown> = Promise.resolve()

/**
 * An 8-bit grayscale PNG of u8 pixels, 0 being black. Large pictures are encoded in a worker thread, one after the
 * other.
 */
export async function encodePng (pixels: Uint8Array, rows: number, columns: number): Promise<Uint8Array> {
  if (pixels.length <= SMALL) return await encodePixels(pixels, rows, columns)
  const encoding = last.then(() => encodeInWorker(pixels, rows, columns))
  last = encoding.catch(() => {})
  return await encoding
}

async function encodeInWorker (pixels: Uint8Array, rows: number, columns: number): Promise<Uint8Array> {
  const worker = new Worker(new URL('./png-worker.js', import.meta.url), { workerData: { pixels, rows, columns } })
  const [picture] = await once(worker, 'message')
  return picture
}
