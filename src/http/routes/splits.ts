import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { json } from '../../encode/json/json.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { readyDataset, splitName } from '../query/target.ts'
import { jsonBody, respond } from '../response/respond.ts'
import { SplitBody } from '../openapi/schemas/datasets.ts'
import { SplitParams } from '../openapi/schemas/params.ts'
import { VersionQuery } from '../openapi/schemas/queries.ts'

/** What a split holds. */
export const splitRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry }> = async (app, { store }) => {
  app.get('/v1/datasets/:dataset/splits/:split', {
    schema: {
      operationId: 'getSplit',
      tags: ['splits'],
      summary: 'One split',
      description: 'How many samples it has, how many of each class, and the statistics of its pixels.',
      params: SplitParams,
      querystring: VersionQuery,
      response: { ...inFormats('The split.', SplitBody, [json]), ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const dataset = readyDataset(store, request.params.dataset, request.query.version)
    const name = splitName(request.params.split)
    const { count, histogram, pixels } = dataset.splits[name]
    return respond(request, reply, {
      version: dataset.version,
      pinned: request.query.version !== undefined,
      tag: name,
      mediaType: json.mediaType,
      body: () => jsonBody({
        dataset: dataset.entry.name,
        version: dataset.version,
        split: name,
        count,
        shape: [count, dataset.rows, dataset.columns],
        classes: dataset.entry.classes.map((className, label) => ({ label, name: className, count: histogram[label] })),
        pixels
      })
    })
  })
}
