import { batchFormats } from '../../encode/encoders.ts'
import { pageHeaders, inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { BatchQuery, SplitParams } from '../openapi/schemas/parameter-schemas.ts'
import { assertServable } from '../query/batch-request.ts'
import { resolveEpoch, type EpochOptions } from '../query/epoch-request.ts'
import { batchContent } from '../response/batch-content.ts'
import { respond } from '../response/respond.ts'

/** The core of the service: a split, page by page. */
export const batchRoutes: Routes<EpochOptions> = async (app, options) => {
  const Query = BatchQuery(batchFormats, options.maxBatchSize)

  app.get('/v1/datasets/:dataset/splits/:split/batches', {
    schema: {
      operationId: 'getBatch',
      tags: ['splits'],
      summary: 'One batch',
      description: 'A page of a split, in natural order or, with `seed`, shuffled differently for each `epoch`; ' +
        'whole or sharded; with `augment`, randomly augmented. Binary formats contain images, labels and ids as ' +
        'tensors, little-endian and in C order; `Batch-…` headers contain the metadata. `Link` leads to the first, ' +
        'previous, next and last page.',
      params: SplitParams,
      querystring: Query,
      response: {
        ...inFormats('The batch.', 'Batch', batchFormats, pageHeaders),
        ...problems(400, 404, 406, 503)
      }
    }
  }, (request, reply) => {
    const { dataset, split, format, epoch } = resolveEpoch(options, batchFormats, request)
    const page = epoch.page(epoch.firstPage)
    assertServable(dataset, page, format, options.limits, 'batch_size')
    const path = `${app.basePath}/v1/datasets/${dataset.entry.name}/splits/${split}/batches`
    const query = request.url.split('?', 2)[1] ?? ''
    const links = (): string => pageLinks(path, query, epoch.firstPage, epoch.pages)
    const content = batchContent(dataset, page, format, links)
    const { mediaType, headers, compressibleBytes, workBytes, samples, body } = content
    return respond(request, reply, {
      dataset,
      tag: `${epoch.tag}/${format.name}`,
      isRecurring: epoch.isRecurring,
      mediaType,
      headers,
      compressibleBytes,
      workBytes,
      samples: samples!,
      body
    })
  })
}

/**
 * The Link header (RFC 8288) of a page: first, prev, next and last, each with all parameters of the request.
 *
 * @param path of the resource, without a query
 * @param query as sent, without `?`
 */
function pageLinks (path: string, query: string, page: number, pages: number): string {
  // Encoded once, since the links differ only in the page; encoded values contain neither & nor =.
  const parameters = new URLSearchParams(query)
  parameters.set('page', '')
  const [before, after = ''] = parameters.toString().split(/(?<=(?:^|&)page=)/)
  const relations: Array<[string, number]> = [['first', 0], ['prev', page - 1], ['next', page + 1], ['last', pages - 1]]
  return relations
    .filter(([, target]) => target >= 0 && target < pages)
    .map(([relation, target]) => `<${path}?${before}${target}${after}>; rel="${relation}"`)
    .join(', ')
}
