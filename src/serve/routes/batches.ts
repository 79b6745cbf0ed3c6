import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { BatchMetadata } from '../../encode/format.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { batchFormats } from '../../encode/registry.ts'
import { ServiceError } from '../../errors.ts'
import { pageCount, pageRange } from '../../split/page.ts'
import { batch, imageShape } from '../../store/batch.ts'
import type { DatasetStore } from '../../store/store.ts'
import { inFormats, problems } from '../answers.ts'
import { batchHeaders, pageLinks } from '../headers.ts'
import { readyDataset, splitName } from '../lookup.ts'
import { respond } from '../respond.ts'
import { BatchBody, BatchQuery, SplitParams, defaultBatchSize, defaults } from '../schemas.ts'

/** The core: a split, page by page. */
export const batchRoutes: FastifyPluginAsyncTypebox<{ store: DatasetStore, maxBatchSize: number }> = async (app, { store, maxBatchSize }) => {
  const Query = BatchQuery(batchFormats.map(({ name }) => name), maxBatchSize)

  app.get('/v1/datasets/:dataset/splits/:split/batches', {
    schema: {
      operationId: 'getBatch',
      tags: ['splits'],
      summary: 'One batch',
      description: 'A page of a split in its natural order: images, labels and ids. Binary formats carry these as tensors, little-endian and in C order, and the rest in `Batch-…` headers. `Link` leads to the first, previous, next and last page.',
      params: SplitParams,
      querystring: Query,
      response: { ...inFormats('The batch.', BatchBody, batchFormats), ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { page, normalization, labels, layout } = { ...defaults, ...request.query }
    const { batch_size: batchSize = defaultBatchSize(maxBatchSize), format: asked, version: pinned } = request.query
    const dataset = readyDataset(store, request.params.dataset, pinned)
    const split = splitName(request.params.split)
    const format = negotiate(batchFormats, { format: asked, accept: request.headers.accept })

    const total = dataset.splits[split].count
    const pages = pageCount(total, batchSize)
    if (page >= pages) {
      const allowed = pages === 0 ? 'no page at all' : `${pages} pages, 0 to ${pages - 1}`
      throw new ServiceError('page_out_of_range', `${split} has ${total} samples, which at batch_size ${batchSize} make ${allowed}; there is no page ${page}`, { members: { pages } })
    }

    const { start, end } = pageRange(total, batchSize, page)
    const { version } = dataset
    const metadata: BatchMetadata = {
      dataset: dataset.entry.name,
      version,
      split,
      page,
      batch_size: batchSize,
      count: end - start,
      total,
      pages,
      shape: [end - start, ...imageShape(dataset, layout)],
      dtype: normalization === 'raw' ? 'uint8' : 'float32',
      normalization,
      layout
    }
    const path = `/v1/datasets/${dataset.entry.name}/splits/${split}/batches`
    const query = request.url.split('?', 2)[1] ?? ''
    return respond(request, reply, {
      version,
      pinned: pinned !== undefined,
      tag: [split, page, batchSize, normalization, labels, layout, format.name].join('/'),
      mediaType: format.mediaType,
      headers: { ...batchHeaders(metadata), link: pageLinks(path, query, page, pages) },
      body: () => format.encode(batch(dataset, { split, start, end, normalization, labels, layout }), metadata)
    })
  })
}
