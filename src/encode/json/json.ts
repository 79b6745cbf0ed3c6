import type { Batch } from '../../batch/batch.ts'
import { countElements } from '../../batch/tensor.ts'
import type { Chunk } from '../../memory/chunk.ts'
import type { Body, BatchFormat, BatchMetadata } from '../format.ts'
import { plainImageWriter } from './array-writer.ts'
import { wasmImageWriter } from './wasm-image-writer.ts'

/** Metadata, then `ids`, `images`, `labels` and `mask`, each nested as its shape says. */
export const json = {
  name: 'json',
  mediaType: 'application/json',
  isText: true,
  readsPixels: true,
  encode: (batch: Batch, metadata: BatchMetadata): Body => ({
    minByteLength: 2 * countElements(batch.images.shape),
    chunks: encodeChunks(batch, metadata)
  })
} satisfies BatchFormat

function * encodeChunks (batch: Batch, metadata: BatchMetadata): Generator<Chunk> {
  const { ids, mask } = batch
  yield Buffer.from(`${JSON.stringify(metadata).slice(0, -1)},"ids":[${ids.data().join()}],"images":[`)
  const imageWriter = wasmImageWriter.supports(batch) ? wasmImageWriter : plainImageWriter
  yield * imageWriter.write(batch)
  yield Buffer.from(`],"labels":[${labelTexts(batch)}]${mask ? `,"mask":[${mask.data().join()}]` : ''}}`)
}

function labelTexts ({ labels }: Batch): string {
  const [, classes] = labels.shape
  const data = labels.data()
  if (classes === undefined) return data.join()
  const rows = Array.from({ length: classes }, (_, label) => {
    return `[${Array.from({ length: classes }, (_, i) => Number(i === label)).join()}]`
  })
  const texts: string[] = []
  for (let i = 0; i < data.length; i++) if (data[i] === 1) texts.push(rows[i % classes]!)
  return texts.join()
}
