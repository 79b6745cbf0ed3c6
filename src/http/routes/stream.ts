import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { PreparedDataset } from '../../dataset/entry.ts'
import type { Page } from '../../encode/format.ts'
import { streamFormats } from '../../encode/registry.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { batchMetadata, chosenBatch, compressible, type BatchChoice } from '../query/batch-request.ts'
import { batchHeaders } from '../response/headers.ts'
import { encodedPages } from '../response/page-stream.ts'
import { requestedPages, type Pages, type PagesOptions } from '../query/pages.ts'
import { respond } from '../response/respond.ts'
import { SplitParams } from '../openapi/schemas/params.ts'
import { BatchQuery } from '../openapi/schemas/queries.ts'
import { StreamLines } from '../openapi/schemas/samples.ts'

/** An epoch, or the rest of one, as one response. */
export const streamRoutes: FastifyPluginAsyncTypebox<PagesOptions> = async (app, options) => {
  const Query = BatchQuery(streamFormats.map(({ name }) => name), options.maxBatchSize)

  app.get('/v1/datasets/:dataset/splits/:split/stream', {
    schema: {
      operationId: 'getStream',
      tags: ['splits'],
      summary: 'An epoch',
      description: 'The pages of a split from `page` on, as one response that is made as fast as it is read. NDJSON has a line for each page, the JSON of its batch, and the last line says `"end": true`; Arrow has a record batch for each page, with what all share in the metadata of the schema and `page`, `count` and `shape` in its own, and ends with the mark of the format.',
      params: SplitParams,
      querystring: Query,
      response: { ...inFormats('The pages.', StreamLines, streamFormats), ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { dataset, format, pages } = requestedPages(options, streamFormats, request)
    const { page: _page, count: _count, shape: _shape, ...shared } = batchMetadata(dataset, pages.choice(pages.first))
    return respond(request, reply, {
      version: dataset.version,
      pinned: request.query.version !== undefined,
      tag: `stream/${pages.tag}/${format.name}`,
      mediaType: format.mediaType,
      headers: () => batchHeaders(shared),
      // How long it is, nobody knows before it is made.
      compressibleBytes: compressible(format, pages.choice(pages.first)) ? Infinity : 0,
      body: () => encodedPages(onwards(dataset, pages), format.startStream(shared))
    })
  })
}

function * onwards (dataset: PreparedDataset, { first, count, choice }: Pages): Generator<Page | Promise<Page>> {
  // Held by whoever reads on, however many others are asked for meanwhile.
  const order = choice(first).order()
  for (let i = first; i < count; i++) yield pageOf(dataset, { ...choice(i), order: () => order })
}

function pageOf (dataset: PreparedDataset, choice: BatchChoice): Page | Promise<Page> {
  const metadata = batchMetadata(dataset, choice)
  const batch = chosenBatch(dataset, choice)
  return batch instanceof Promise ? batch.then(made => ({ batch: made, metadata })) : { batch, metadata }
}
