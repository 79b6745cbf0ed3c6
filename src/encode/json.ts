import type { Batch } from '../dataset.ts'
import type { BatchFormat } from './format.ts'
import { imageTexts } from './image-texts.ts'

/** Metadata, then `ids`, `images`, `labels` and `mask`, each nested as its shape says. */
export const json: BatchFormat = {
  name: 'json',
  mediaType: 'application/json',
  encode (batch, metadata) {
    const start = `${JSON.stringify(metadata).slice(0, -1)},"ids":${JSON.stringify(Array.from(batch.ids.data))},"images":[`
    const mask = batch.mask ? `,"mask":${JSON.stringify(Array.from(batch.mask.data))}` : ''
    const end = `],"labels":${JSON.stringify(labelRows(batch))}${mask}}`
    return [imageTexts(batch, start, end)]
  }
}

function labelRows ({ labels: { shape, data } }: Batch): unknown[] {
  const numbers = Array.from(data, Number)
  return nest(numbers, shape.slice(1))
}

/** Cuts a flat list into nested lists whose inner shape is `shape`; an empty shape leaves it flat. */
export function nest (flat: readonly unknown[], shape: readonly number[]): unknown[] {
  return shape.reduceRight<readonly unknown[]>((rows, length) => {
    return Array.from({ length: rows.length / length }, (_, i) => rows.slice(i * length, (i + 1) * length))
  }, flat) as unknown[]
}
