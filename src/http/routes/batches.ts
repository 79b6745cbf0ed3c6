import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { batchFormats } from '../../encode/registry.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { batchAnswer } from '../query/batch-request.ts'
import type { CompressedBodies } from '../response/compressed-cache.ts'
import { pageLinks } from '../response/headers.ts'
import { requestedPages, type PagesOptions } from '../query/pages.ts'
import { respond } from '../response/respond.ts'
import { SplitParams } from '../openapi/schemas/params.ts'
import { BatchQuery } from '../openapi/schemas/queries.ts'
import { BatchBody } from '../openapi/schemas/samples.ts'

/** The core: a split, page by page. */
export const batchRoutes: FastifyPluginAsyncTypebox<PagesOptions & { compressed: CompressedBodies }> = async (app, options) => {
  const Query = BatchQuery(batchFormats.map(({ name }) => name), options.maxBatchSize)

  app.get('/v1/datasets/:dataset/splits/:split/batches', {
    schema: {
      operationId: 'getBatch',
      tags: ['splits'],
      summary: 'One batch',
      description: 'A page of a split, in its natural order or, with `seed`, shuffled anew for each `epoch`; whole or sharded; as it is or, with `augment`, changed at random: images, labels and ids. Binary formats carry these as tensors, little-endian and in C order, and the rest in `Batch-…` headers. `Link` leads to the first, previous, next and last page.',
      params: SplitParams,
      querystring: Query,
      response: { ...inFormats('The batch.', BatchBody, batchFormats), ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { dataset, split, format, pages } = requestedPages(options, batchFormats, request)
    const answer = batchAnswer(dataset, pages.choice(pages.first), format)
    const path = `/v1/datasets/${dataset.entry.name}/splits/${split}/batches`
    const tag = `${pages.tag}/${format.name}`
    return respond(request, reply, {
      ...answer,
      version: dataset.version,
      pinned: request.query.version !== undefined,
      tag,
      keepCompressed: pages.recurring
        ? (coding, make) => options.compressed.get(`${dataset.entry.name}/${dataset.version}/${tag}/${coding}`, make)
        : undefined,
      headers: () => ({ ...answer.headers?.(), link: pageLinks(path, request.url.split('?', 2)[1] ?? '', pages.first, pages.count) })
    })
  })
}
