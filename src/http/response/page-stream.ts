import { Readable, pipeline } from 'node:stream'
import type { Page, StreamEncoder } from '../../encode/format.ts'
import { bytesOfChunk, releaseChunk, type Chunk } from '../../io/chunk.ts'
import { yieldToEventLoop } from '../../io/event-loop.ts'
import { compressor, type Coding } from './compression.ts'

/** Bytes that are worth a turn of the event loop. */
const CHUNK = 1 << 16

/**
 * The pieces of each page, and of the end, made when they are asked for, in turns of the event loop between which other
 * requests are answered.
 */
export async function * encodedPages (pages: Iterable<Page | Promise<Page>>, encoder: StreamEncoder): AsyncGenerator<Iterable<Chunk>> {
  for (const page of pages) {
    await yieldToEventLoop()
    yield encoder.page(await page)
  }
  yield encoder.end()
}

/**
 * A body that is made piece by piece, and no piece before it is asked for: a reader that is slow holds at most the one that
 * it reads and the next one. Compressed, each page can be read as soon as it is made. An error while one is made breaks
 * the response off, compressed or not, which its reader can tell from an end.
 */
export function pageStream (pages: AsyncIterable<Iterable<Chunk>>, coding?: Coding): Readable {
  const bytes = Readable.from(coding ? inChunks(pages) : inParts(pages), { objectMode: false, highWaterMark: 1 })
  // The error, if there is one, is the body's own: who sends it is told.
  return coding ? pipeline(bytes, compressor(coding), () => {}) : bytes
}

/** What a compressor is given at once, it gives out at once: a page as soon as it is made, but not each of its small parts. */
async function * inChunks (pages: AsyncIterable<Iterable<Chunk>>): AsyncGenerator<Uint8Array> {
  for await (const parts of pages) {
    let chunk: Chunk[] = []
    for (const part of parts) {
      chunk.push(part)
      if (bytesOf(chunk) < CHUNK) continue
      yield copied(chunk)
      chunk = []
      await yieldToEventLoop()
    }
    // Of no bytes, it would be taken for the end.
    if (bytesOf(chunk) > 0) yield copied(chunk)
  }
}

/** One piece; what was made for it is free again. */
function copied (parts: readonly Chunk[]): Buffer {
  const chunk = Buffer.concat(parts.map(bytesOfChunk))
  parts.forEach(releaseChunk)
  return chunk
}

async function * inParts (pages: AsyncIterable<Iterable<Chunk>>): AsyncGenerator<Uint8Array> {
  for await (const parts of pages) {
    for (const chunk of parts) {
      const part = bytesOfChunk(chunk)
      if (part.length === 0) continue
      yield part
      if (part.length >= CHUNK) await yieldToEventLoop()
    }
  }
}

function bytesOf (chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, chunk) => sum + bytesOfChunk(chunk).byteLength, 0)
}
