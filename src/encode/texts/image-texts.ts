import type { Batch } from '../../dataset.ts'
import { pool } from '../../pool.ts'
import { Tables } from './tables.ts'

/** The images of a batch as nested JSON lists, with commas between them: texts that follow each other. */
export function imageTexts (batch: Batch): Uint8Array[] {
  const tables = Tables.of(batch)
  const parts: Uint8Array[] = []
  tables.write(batch, texts => {
    // All are of one size, so that any of them serves for the next one.
    const part = new Uint8Array(pool.take(tables.window), 0, texts.length)
    part.set(texts)
    // The comma before the first image separates it from nothing.
    parts.push(parts.length === 0 ? part.subarray(1) : part)
  })
  return parts
}
