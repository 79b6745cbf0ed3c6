import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { negotiate } from '../../encode/negotiate.ts'
import { batchFormats } from '../../encode/registry.ts'
import { pageSpan } from '../../split/page.ts'
import type { OrderCache } from '../../store/orders.ts'
import type { DatasetStore } from '../../store/store.ts'
import { inFormats, problems } from '../answers.ts'
import { augmentingOf, imageMetadata, refusePadding } from '../augmenting.ts'
import { batchAnswer } from '../batch-answer.ts'
import { pageLinks } from '../headers.ts'
import { readyDataset, splitName } from '../lookup.ts'
import { orderingOf } from '../ordering.ts'
import { preparationOf } from '../preparation.ts'
import { respond, tagsOf } from '../respond.ts'
import { BatchBody, BatchQuery, SplitParams } from '../schemas.ts'

/** The core: a split, page by page. */
export const batchRoutes: FastifyPluginAsyncTypebox<{ store: DatasetStore, orders: OrderCache, maxBatchSize: number }> = async (app, { store, orders, maxBatchSize }) => {
  const Query = BatchQuery(batchFormats.map(({ name }) => name), maxBatchSize)

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
    const { query } = request
    const dataset = readyDataset(store, request.params.dataset, query.version)
    const split = splitName(request.params.split)
    const format = negotiate(batchFormats, { format: query.format, accept: request.headers.accept })
    const preparation = preparationOf(query)
    const { normalization, dtype, labels, layout } = preparation
    const paging = orderingOf(query, { name: split, total: dataset.splits[split].count }, maxBatchSize)
    const { page, pages, batchSize, total, shuffle } = paging
    refusePadding(query, dataset)
    const augmenting = augmentingOf(query, split)

    // Said only where it was asked for: a batch in natural order is described as one.
    const asked = {
      ...shuffle,
      ...(query.world_size && { rank: paging.rank, world_size: paging.worldSize }),
      ...(query.remainder && { remainder: paging.remainder }),
      ...imageMetadata(query, augmenting)
    }
    const answer = batchAnswer(dataset, {
      ...preparation,
      split,
      format,
      span: pageSpan(paging, page),
      order: () => shuffle && orders.get(total, shuffle.seed, shuffle.epoch),
      masked: query.remainder === 'pad',
      place: { page, batch_size: batchSize, pages },
      pad: query.pad,
      augmenting,
      asked
    })
    const path = `/v1/datasets/${dataset.entry.name}/splits/${split}/batches`
    return respond(request, reply, {
      ...answer,
      version: dataset.version,
      pinned: query.version !== undefined,
      tag: [split, page, batchSize, normalization, dtype, labels, layout, ...tagsOf(asked), format.name].join('/'),
      headers: () => ({ ...answer.headers?.(), link: pageLinks(path, request.url.split('?', 2)[1] ?? '', page, pages) })
    })
  })
}
