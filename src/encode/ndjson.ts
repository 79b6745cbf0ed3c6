import type { StreamFormat } from './format.ts'
import { json } from './json.ts'

/** A line for each page, the JSON of its batch, and a last one by which a reader knows that nothing was cut off. */
export const ndjson: StreamFormat = {
  name: 'ndjson',
  mediaType: 'application/x-ndjson',
  startStream () {
    const sent = { pages: 0, samples: 0 }
    return {
      page ({ batch, metadata }) {
        sent.pages++
        sent.samples += batch.ids.data.length
        return [...json.encode(batch, metadata), Buffer.from('\n')]
      },
      end: () => [Buffer.from(`${JSON.stringify({ end: true, ...sent })}\n`)]
    }
  }
}
