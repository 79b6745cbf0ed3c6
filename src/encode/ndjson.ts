import type { Chunk } from '../memory/chunk.ts'
import type { Page, StreamFormat } from './format.ts'
import { json } from './json/json.ts'

/** One line per page, the JSON of its batch, and a last line from which a reader knows that nothing is missing. */
export const ndjson: StreamFormat = {
  name: 'ndjson',
  mediaType: 'application/x-ndjson',
  isText: true,
  readsPixels: true,
  startStream () {
    const sent = { pages: 0, samples: 0 }
    return {
      page ({ batch, metadata }) {
        sent.pages++
        sent.samples += batch.ids.shape[0]!
        return batch => encodeLine({ batch, metadata })
      },
      end: () => [Buffer.from(`${JSON.stringify({ end: true, ...sent })}\n`)]
    }
  }
}

function * encodeLine ({ batch, metadata }: Page): Generator<Chunk> {
  yield * json.encode(batch, metadata).chunks
  yield Buffer.from('\n')
}
