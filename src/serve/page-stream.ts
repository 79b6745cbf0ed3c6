import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Page, StreamEncoder } from '../encode/format.ts'

/**
 * A body that is made page by page, and no page before it is asked for: a reader that is slow holds at most the page that
 * it reads and the next one. Each page is made in a turn of the event loop of its own, so that other requests are answered in
 * between. An error while one is made breaks the response off, which its reader can tell from an end.
 */
export function pageStream (pages: Iterable<Page | Promise<Page>>, encoder: StreamEncoder): Readable {
  return Readable.from(partsOf(pages, encoder), { objectMode: false, highWaterMark: 1 })
}

async function * partsOf (pages: Iterable<Page | Promise<Page>>, encoder: StreamEncoder): AsyncGenerator<Uint8Array> {
  for (const page of pages) {
    await setImmediate()
    yield * nonEmpty(encoder.page(await page))
  }
  yield * nonEmpty(encoder.end())
}

/** A part of no bytes would be taken for the end. */
function nonEmpty (parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.filter(({ length }) => length > 0)
}
