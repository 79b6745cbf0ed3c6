import type { PreparedDataset } from '../../dataset/prepared.ts'
import { streamFormats } from '../../encode/encoders.ts'
import type { StreamEncoder, StreamFormat } from '../../encode/format.ts'
import type { Chunk } from '../../memory/chunk.ts'
import { streamHeaders, inFormats, problems } from '../openapi/responses.ts'
import { batchHeaders, describeBatch, describeStream } from '../openapi/schemas/batch-fields.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { BatchQuery, SplitParams } from '../openapi/schemas/parameter-schemas.ts'
import { assertServable, type BatchRequest } from '../query/batch-request.ts'
import { resolveEpoch, type EpochOptions, type EpochRequest } from '../query/epoch-request.ts'
import { augmentedBytes, computeBatch, isCompressible, samplesOf } from '../response/batch-content.ts'
import { STREAM_WINDOW_BYTES } from '../response/compression.ts'
import { respond, type Work } from '../response/respond.ts'

/** An epoch, or the rest of one, as one response. */
export const streamRoutes: Routes<EpochOptions> = async (app, options) => {
  const Query = BatchQuery(streamFormats, options.maxBatchSize)

  app.get('/v1/datasets/:dataset/splits/:split/stream', {
    schema: {
      operationId: 'getStream',
      tags: ['splits'],
      summary: 'An epoch',
      description: 'The pages of a split from `page` on, as one response that is computed as fast as the client ' +
        'reads it. NDJSON has one line per page, the JSON of its batch, and a last line with `"end": true`. Arrow ' +
        'has one record batch per page, with the shared metadata in the schema and `page`, `count` and `shape` in ' +
        'its own metadata, and ends with the end-of-stream marker.',
      params: SplitParams,
      querystring: Query,
      response: {
        ...inFormats('The pages.', 'StreamLines', streamFormats, streamHeaders),
        ...problems(400, 404, 406, 503)
      }
    }
  }, (request, reply) => {
    const { dataset, format, epoch } = resolveEpoch(options, streamFormats, request)
    const firstPage = epoch.page(epoch.firstPage)
    // No page is larger.
    assertServable(dataset, firstPage, format, options.limits, 'batch_size')
    const shared = describeStream(dataset, firstPage)
    return respond(request, reply, {
      dataset,
      tag: `stream/${epoch.tag}/${format.name}`,
      mediaType: format.mediaType,
      headers: () => batchHeaders(shared),
      compressibleBytes: isCompressible(format, firstPage) ? STREAM_WINDOW_BYTES : 0,
      isStream: true,
      body (work) {
        const count = (page: BatchRequest): void => app.metrics.addSamples(samplesOf(dataset, page, format))
        return { groups: encodePages(dataset, epoch, format, format.startStream(shared), work, count) }
      }
    })
  })
}

/** One group of chunks per page, and one for the end. */
async function * encodePages (
  dataset: PreparedDataset,
  { firstPage, pages, page }: EpochRequest,
  format: StreamFormat,
  encoder: StreamEncoder,
  work: Work,
  onPage: (request: BatchRequest) => void
): AsyncGenerator<Iterable<Chunk>> {
  // Looked up once, since other requests may evict it from the cache meanwhile.
  const order = await page(firstPage).order.resolve()
  for (let i = firstPage; i < pages; i++) {
    const request = { ...page(i), order }
    const bytes = augmentedBytes(dataset, request, format)
    if (bytes === 0) {
      const batch = await computeBatch(dataset, request, format, work)
      onPage(request)
      yield encoder.page({ batch, metadata: describeBatch(dataset, request) })(batch)
      continue
    }
    let chunksOf: ReturnType<StreamEncoder['page']> | undefined
    const body = await work.computePage(bytes, async work => {
      const batch = await computeBatch(dataset, request, format, work)
      // Only once, since it is a part of the stream's state.
      chunksOf ??= encoder.page({ batch, metadata: describeBatch(dataset, request) })
      return { chunks: chunksOf(batch) }
    })
    onPage(request)
    try {
      yield body.chunks
    } finally {
      body.close()
    }
  }
  yield encoder.end()
}
