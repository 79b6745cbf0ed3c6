import { Readable, pipeline } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Page, StreamEncoder } from '../encode/format.ts'
import { compressor, type Coding } from './compression.ts'

/**
 * The parts of each page, and of the end, made when they are asked for: each page in a turn of the event loop of its own,
 * so that other requests are answered in between.
 */
export async function * encodedPages (pages: Iterable<Page | Promise<Page>>, encoder: StreamEncoder): AsyncGenerator<Uint8Array[]> {
  for (const page of pages) {
    await setImmediate()
    yield encoder.page(await page)
  }
  yield encoder.end()
}

/**
 * A body that is made page by page, and no page before it is asked for: a reader that is slow holds at most the page that
 * it reads and the next one. Compressed, each page can be read as soon as it is made. An error while one is made breaks
 * the response off, compressed or not, which its reader can tell from an end.
 */
export function pageStream (pages: AsyncIterable<Uint8Array[]>, coding?: Coding): Readable {
  const bytes = Readable.from(coding ? inOnePart(pages) : inParts(pages), { objectMode: false, highWaterMark: 1 })
  // The error, if there is one, is the body's own: who sends it is told.
  return coding ? pipeline(bytes, compressor(coding), () => {}) : bytes
}

/** What a compressor is given at once, it gives out at once. */
async function * inOnePart (pages: AsyncIterable<Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const parts of pages) {
    const page = Buffer.concat(parts)
    if (page.length > 0) yield page
  }
}

async function * inParts (pages: AsyncIterable<Uint8Array[]>): AsyncGenerator<Uint8Array> {
  // A part of no bytes would be taken for the end.
  for await (const parts of pages) yield * parts.filter(({ length }) => length > 0)
}
