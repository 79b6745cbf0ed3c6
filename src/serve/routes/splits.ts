import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { json } from '../../encode/json.ts'
import type { DatasetStore } from '../../store/store.ts'
import { inFormats, problems } from '../answers.ts'
import { readyDataset, splitName } from '../lookup.ts'
import { jsonBody, respond } from '../respond.ts'
import { SplitBody } from '../schemas/datasets.ts'
import { SplitParams } from '../schemas/params.ts'
import { VersionQuery } from '../schemas/queries.ts'

/** What a split holds. */
export const splitRoutes: FastifyPluginAsyncTypebox<{ store: DatasetStore }> = async (app, { store }) => {
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
