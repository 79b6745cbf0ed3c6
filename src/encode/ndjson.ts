import { piecesOf, type Body } from './body.ts'
import type { StreamFormat } from './format.ts'
import { json } from './json/json.ts'

/** A line for each page, the JSON of its batch, and a last one by which a reader knows that nothing was cut off. */
export const ndjson: StreamFormat = {
  name: 'ndjson',
  mediaType: 'application/x-ndjson',
  startStream () {
    const sent = { pages: 0, samples: 0 }
    return {
      page ({ batch, metadata }) {
        sent.pages++
        sent.samples += batch.ids.shape[0]!
        return line(json.encode(batch, metadata))
      },
      end: () => [Buffer.from(`${JSON.stringify({ end: true, ...sent })}\n`)]
    }
  }
}

function * line ({ parts }: Body): Generator<Uint8Array> {
  yield * piecesOf(parts)
  yield Buffer.from('\n')
}
