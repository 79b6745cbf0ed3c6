import { splitStatistics, type SplitStatistics } from '../../batch/class-statistics.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { json } from '../../encode/json/json.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/route-types.ts'
import { SplitParams, VersionQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset, resolveSplit } from '../query/target.ts'
import { jsonBody, respond } from '../response/respond.ts'

/** What the images of a split look like on average. */
export const statisticsRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/splits/:split/statistics', {
    schema: {
      operationId: 'getStatistics',
      tags: ['splits'],
      summary: 'Statistics of the pixels',
      description: 'How often each pixel level occurs, and the mean and variance image of each class. Computed by ' +
        'the first request.',
      params: SplitParams,
      querystring: VersionQuery,
      response: { ...inFormats('The statistics.', 'SplitStatistics', [json]), ...problems(400, 404, 503) }
    }
  }, (request, reply) => {
    const { params, query: { version } } = request
    const dataset = resolveDataset(registry, params.dataset, version)
    const split = resolveSplit(params.split)
    return respond(request, reply, {
      dataset: dataset.entry.name,
      version: dataset.version,
      pinned: version !== undefined,
      tag: `${split}/statistics`,
      mediaType: json.mediaType,
      // As text, a number and its comma take at least two bytes.
      compressibleBytes: 4 * dataset.entry.classes.length * dataset.rows * dataset.columns,
      isRecurring: true,
      body: async () => jsonBody(describe(dataset, split, await splitStatistics(dataset, split)))
    })
  })
}

function describe (dataset: PreparedDataset, split: SplitName, { levels, classes }: SplitStatistics) {
  const { entry, version, rows, columns } = dataset
  const { count, histogram } = dataset.splits[split]
  const matrix = (values: Float64Array): number[][] => Array.from({ length: rows }, (_, row) => {
    return Array.from(values.subarray(row * columns, (row + 1) * columns), value => Math.round(value * 1e6) / 1e6)
  })
  return {
    dataset: entry.name,
    version,
    split,
    count,
    shape: [rows, columns],
    levels,
    classes: classes.map(({ mean, variance }, label) => ({
      label,
      name: entry.classes[label],
      count: histogram[label],
      mean: matrix(mean),
      variance: matrix(variance)
    }))
  }
}
