import { publicShape } from '../../dataset/image-shape.ts'
import { publicStatistics } from '../../dataset/prepared.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { json } from '../../encode/json/json.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { SplitParams, VersionQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset, resolveSplit } from '../query/target.ts'
import { jsonBody, respond } from '../response/respond.ts'

/** What a split contains. */
export const splitRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/splits/:split', {
    schema: {
      operationId: 'getSplit',
      tags: ['splits'],
      summary: 'One split',
      description: 'The number of samples, in all and per class, and the statistics of the pixels.',
      params: SplitParams,
      querystring: VersionQuery,
      response: { ...inFormats('The split.', 'SplitDescription', [json]), ...problems(400, 404, 503) }
    }
  }, (request, reply) => {
    const { params, query: { version } } = request
    const dataset = resolveDataset(registry, params.dataset, version)
    const split = resolveSplit(params.split)
    const { count, histogram, pixels } = dataset.splits[split]
    return respond(request, reply, {
      dataset: dataset.entry.name,
      version: dataset.version,
      pinned: version !== undefined,
      tag: split,
      mediaType: json.mediaType,
      body: () => jsonBody({
        dataset: dataset.entry.name,
        version: dataset.version,
        split,
        count,
        shape: [count, ...publicShape(dataset.shape)],
        classes: dataset.entry.classes.map((name, label) => ({ label, name, count: histogram[label] })),
        pixels: publicStatistics(pixels)
      })
    })
  })
}
