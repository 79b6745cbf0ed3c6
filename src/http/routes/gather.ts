import type { DatasetRegistry } from '../../dataset/registry.ts'
import { batchFormats } from '../../encode/encoders.ts'
import { gatherHeaders } from '../openapi/response-headers.ts'
import type { Limits } from '../limits.ts'
import { bodyInFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/route-types.ts'
import { GatherQuery, GatherRequest, SplitParams } from '../openapi/schemas/parameter-schemas.ts'
import { assertServable } from '../query/batch-limits.ts'
import { batchContent } from '../query/batch-request.ts'
import { resolvePreparation } from '../query/preparation.ts'
import { sampleRequest } from '../query/sample-request.ts'
import { resolveTarget } from '../query/target.ts'
import { respondUncached } from '../response/respond.ts'

/** An id has at most 15 digits; the rest is for a comma, a line break and indentation. */
const BYTES_PER_ID = 32

interface Options {
  readonly registry: DatasetRegistry
  readonly limits: Limits
  readonly maxBatchSize: number
}

/** A batch of exactly the samples that the client lists. */
export const gatherRoutes: Routes<Options> = async (app, { registry, limits, maxBatchSize }) => {
  // Fastify's default parser would accept text only for validation to reject it.
  app.removeContentTypeParser('text/plain')

  app.post('/v1/datasets/:dataset/splits/:split/gather', {
    bodyLimit: 1024 + BYTES_PER_ID * maxBatchSize,
    schema: {
      operationId: 'gatherSamples',
      tags: ['splits'],
      summary: 'Samples by their ids',
      description: 'A batch of exactly these samples, in this order, with repetitions; with `augment`, augmented as ' +
        'in the batches of the same `seed` and `epoch`. Formats and headers are those of a page, without `page`, ' +
        '`batch_size`, `pages` and `Link`. Not cacheable.',
      params: SplitParams,
      querystring: GatherQuery(batchFormats.map(({ name }) => name)),
      body: GatherRequest(maxBatchSize),
      response: {
        ...bodyInFormats('The samples.', 'GatheredBatch', batchFormats, gatherHeaders),
        ...problems(400, 404, 406, 413, 415, 503)
      }
    }
  }, (request, reply) => {
    const { query, body: { ids } } = request
    const { dataset, split, format } = resolveTarget(registry, batchFormats, request)
    const batch = sampleRequest(dataset, split, ids, query, resolvePreparation(query, dataset))
    assertServable(dataset, batch, format, limits, 'ids')
    return respondUncached(request, reply, batchContent(dataset, batch, format))
  })
}
