import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { BatchMetadata } from '../../encode/format.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { batchFormats } from '../../encode/registry.ts'
import { pageSpan } from '../../split/page.ts'
import { batch, imageShape } from '../../store/batch.ts'
import type { OrderCache } from '../../store/orders.ts'
import type { DatasetStore } from '../../store/store.ts'
import { inFormats, problems } from '../answers.ts'
import { batchHeaders, pageLinks } from '../headers.ts'
import { readyDataset, splitName } from '../lookup.ts'
import { orderingOf } from '../ordering.ts'
import { respond } from '../respond.ts'
import { BatchBody, BatchQuery, SplitParams, defaults } from '../schemas.ts'

/** The core: a split, page by page. */
export const batchRoutes: FastifyPluginAsyncTypebox<{ store: DatasetStore, orders: OrderCache, maxBatchSize: number }> = async (app, { store, orders, maxBatchSize }) => {
  const Query = BatchQuery(batchFormats.map(({ name }) => name), maxBatchSize)

  app.get('/v1/datasets/:dataset/splits/:split/batches', {
    schema: {
      operationId: 'getBatch',
      tags: ['splits'],
      summary: 'One batch',
      description: 'A page of a split, in its natural order or, with `seed`, shuffled anew for each `epoch`; whole or sharded: images, labels and ids. Binary formats carry these as tensors, little-endian and in C order, and the rest in `Batch-…` headers. `Link` leads to the first, previous, next and last page.',
      params: SplitParams,
      querystring: Query,
      response: { ...inFormats('The batch.', BatchBody, batchFormats), ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { query } = request
    const dataset = readyDataset(store, request.params.dataset, query.version)
    const split = splitName(request.params.split)
    const format = negotiate(batchFormats, { format: query.format, accept: request.headers.accept })
    const { normalization, labels, layout } = { ...defaults, ...query }
    const ordering = orderingOf(query, { name: split, total: dataset.splits[split].count }, maxBatchSize)
    const { page, pages, batchSize, total, shuffle } = ordering
    const span = pageSpan(ordering, page)

    const { version } = dataset
    // Said only where it was asked for: a batch in natural order is described as one.
    const order = {
      ...shuffle,
      ...(query.world_size && { rank: ordering.rank, world_size: ordering.worldSize }),
      ...(query.remainder && { remainder: ordering.remainder })
    }
    const metadata: BatchMetadata = {
      dataset: dataset.entry.name,
      version,
      split,
      page,
      batch_size: batchSize,
      count: span.count,
      total,
      pages,
      shape: [span.count, ...imageShape(dataset, layout)],
      dtype: normalization === 'raw' ? 'uint8' : 'float32',
      normalization,
      layout,
      ...order
    }
    const path = `/v1/datasets/${dataset.entry.name}/splits/${split}/batches`
    return respond(request, reply, {
      version,
      pinned: query.version !== undefined,
      tag: [split, page, batchSize, normalization, labels, layout, ...Object.entries(order).map(pair => pair.join('=')), format.name].join('/'),
      mediaType: format.mediaType,
      headers: { ...batchHeaders(metadata), link: pageLinks(path, request.url.split('?', 2)[1] ?? '', page, pages) },
      body: () => format.encode(batch(dataset, {
        split,
        span,
        order: shuffle && orders.get(total, shuffle.seed, shuffle.epoch),
        normalization,
        labels,
        layout,
        masked: query.remainder === 'pad'
      }), metadata)
    })
  })
}
