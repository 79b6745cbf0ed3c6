import type { Batch } from '../../batch/batch.ts'
import type { Body } from '../body.ts'
import type { BatchFormat, BatchMetadata } from '../format.ts'
import { isSmall } from '../slices.ts'
import { imageTexts } from './image-texts.ts'

/** Metadata, then `ids`, `images`, `labels` and `mask`, each nested as its shape says. */
export const json = {
  name: 'json',
  mediaType: 'application/json',
  encode (batch: Batch, metadata: BatchMetadata): Body {
    const start = `${JSON.stringify(metadata).slice(0, -1)},"ids":[${batch.ids.data.join()}],"images":[`
    return { parts: [Buffer.from(start), () => imageTexts(batch), isSmall(batch) ? end(batch) : () => [end(batch)]] }
  }
} satisfies BatchFormat

function end (batch: Batch): Uint8Array {
  const mask = batch.mask ? `,"mask":[${batch.mask.data.join()}]` : ''
  return Buffer.from(`],"labels":[${labelTexts(batch)}]${mask}}`)
}

function labelTexts ({ labels: { shape: [, classes], data } }: Batch): string {
  if (classes === undefined) return data.join()
  const rows = Array.from({ length: classes }, (_, label) => `[${Array.from({ length: classes }, (_, i) => Number(i === label)).join()}]`)
  const texts: string[] = []
  for (let i = 0; i < data.length; i++) if (data[i] === 1) texts.push(rows[i % classes]!)
  return texts.join()
}
