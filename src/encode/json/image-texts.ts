import type { Batch } from '../../batch/batch.ts'
import { pool } from '../../io/buffer-pool.ts'
import { GROUP, Tables } from './tables.ts'

/**
 * The images of a batch as nested JSON lists, with commas between them: pieces of text that follow each other, each made
 * when it is asked for.
 */
export function * imageTexts (batch: Batch): Generator<Uint8Array> {
  const tables = Tables.of(batch)
  const [count, ...shape] = batch.images.shape as [number, ...number[]]
  // The comma before the first image separates it from nothing.
  let start = 1
  let end = 0
  let piece: Uint8Array | undefined
  for (let first = 0; first < count; first += GROUP) {
    const size = Math.min(GROUP, count - first)
    const group = { shape, levels: batch.levels(first, first + size), values: (image: number) => batch.slice(first + image, first + image + 1).images.data }
    for (let image = 0; image < size;) {
      piece ??= pool.take(Uint8Array, tables.window)
      const { next, text } = tables.write(group, image, piece.length - end)
      piece.set(text, end)
      end += text.length
      image = next
      if (piece.length - end >= tables.longest) continue
      yield piece.subarray(start, end)
      piece = undefined
      start = end = 0
    }
  }
  if (piece) yield piece.subarray(start, end)
}
