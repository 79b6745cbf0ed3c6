import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { batchFormats } from '../../encode/registry.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { bodyInFormats, problems } from '../openapi/responses.ts'
import { augmentingOfNamed, namedMetadata, refusePadding } from '../query/augmentation.ts'
import { batchAnswer } from '../query/batch-request.ts'
import { refuseUnknown, requested } from '../query/target.ts'
import { preparationOf } from '../query/preparation.ts'
import { respondOnce } from '../response/respond.ts'
import { SplitParams } from '../openapi/schemas/params.ts'
import { GatherQuery, GatherRequest } from '../openapi/schemas/queries.ts'
import { GatheredBody } from '../openapi/schemas/samples.ts'

/** An id has at most 15 digits here; the rest is for the comma, a line break and indentation. */
const BYTES_PER_ID = 32

/** A batch of exactly the samples that the client names. */
export const gatherRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry, maxBatchSize: number }> = async (app, { store, maxBatchSize }) => {
  // Else text would be read as a body, only to be refused for not being an object.
  app.removeContentTypeParser('text/plain')

  app.post('/v1/datasets/:dataset/splits/:split/gather', {
    bodyLimit: 1024 + BYTES_PER_ID * maxBatchSize,
    schema: {
      operationId: 'gatherSamples',
      tags: ['splits'],
      summary: 'Samples by their ids',
      description: 'A batch of exactly these samples, in this order, each as often as it is named; as they are or, with `augment`, as they are in the batches of the same `seed` and `epoch`. With the tensors, formats and headers of a page, but of no page, hence without `page`, `batch_size`, `pages` and `Link`. Not to be cached.',
      params: SplitParams,
      querystring: GatherQuery(batchFormats.map(({ name }) => name)),
      body: GatherRequest(maxBatchSize),
      response: { ...bodyInFormats('The samples.', GatheredBody, batchFormats), ...problems(400, 404, 406, 413, 415, 503) }
    }
  }, async (request, reply) => {
    const { query, body: { ids } } = request
    const { dataset, split, format } = requested(store, batchFormats, request)
    refuseUnknown(ids, dataset, split)
    refusePadding(query, dataset)
    const augmenting = augmentingOfNamed(query, split)
    return respondOnce(request, reply, batchAnswer(dataset, {
      ...preparationOf(query),
      split,
      span: { start: 0, count: ids.length, real: ids.length },
      order: () => Uint32Array.from(ids),
      masked: false,
      pad: query.pad,
      augmenting,
      asked: namedMetadata(query, augmenting)
    }, format))
  })
}
