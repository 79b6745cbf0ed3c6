import type { Batch } from '../dataset.ts'
import type { BatchFormat } from './format.ts'
import { NumberTexts } from './numbers.ts'

/** Metadata, then `ids`, `images`, `labels` and `mask`, each nested as its shape says. */
export const json: BatchFormat = {
  name: 'json',
  mediaType: 'application/json',
  encode (batch, metadata) {
    const start = `${JSON.stringify(metadata).slice(0, -1)},"ids":${JSON.stringify(Array.from(batch.ids.data))},"images":[`
    const mask = batch.mask ? `,"mask":${JSON.stringify(Array.from(batch.mask.data))}` : ''
    const end = `],"labels":${JSON.stringify(labelRows(batch))}${mask}}`
    return [encodeImages(batch, start, end)]
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

/** The whole body in one buffer of exactly its size; `start` and `end` stand around the images. */
function encodeImages (batch: Batch, start: string, end: string): Uint8Array {
  const [count, ...shape] = batch.images.shape as [number, ...number[]]
  const { levels } = batch
  const before = brackets(shape)
  const after = ']'.repeat(shape.length)
  const texts = NumberTexts.of(batch.codebook)

  const bracketBytes = before.reduce((sum, bytes) => sum + bytes.length, after.length)
  const imageBytes = texts.measure(batch) + count * bracketBytes + Math.max(0, count - 1)
  const body = Buffer.allocUnsafeSlow(Buffer.byteLength(start) + imageBytes + end.length)

  let at = body.write(start)
  for (let image = 0, i = 0; image < count; image++) {
    if (image > 0) at += body.write(',', at, 'latin1')
    for (let pixel = 0; pixel < before.length; pixel++, i++) {
      const bytes = before[pixel]!
      for (let k = 0; k < bytes.length; k++) body[at++] = bytes[k]!
      at = texts.write(body, at, i, levels[i]!)
    }
    at += body.write(after, at, 'latin1')
  }
  body.write(end, at, 'latin1')
  return body
}

/** What stands before each element of one image: opening brackets, a comma, and both where a row ends. */
function brackets (shape: readonly number[]): Buffer[] {
  // Elements of each inner list: a list ends, and the next one starts, at the multiples of its length.
  const lengths = shape.slice(1).map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1))
  const size = shape.reduce((product, length) => product * length, 1)
  return Array.from({ length: size }, (_, i) => {
    if (i === 0) return Buffer.from('['.repeat(shape.length))
    const ends = lengths.filter(length => i % length === 0).length
    return Buffer.from(`${']'.repeat(ends)},${'['.repeat(ends)}`)
  })
}
