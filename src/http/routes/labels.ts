import type { DatasetRegistry } from '../../dataset/registry.ts'
import { bodyOf } from '../../encode/body.ts'
import type { Format } from '../../encode/format.ts'
import { json } from '../../encode/json/json.ts'
import { npy, npyHeader } from '../../encode/npy.ts'
import { encodeLabelList } from '../openapi/croissant.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { FormatQuery, SplitParams } from '../openapi/schemas/parameter-schemas.ts'
import { resolveTarget } from '../query/target.ts'
import { respond } from '../response/respond.ts'

const formats: readonly Format[] = [json, npy]

/** The labels of a whole split, without its images. */
export const labelRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/splits/:split/labels', {
    schema: {
      operationId: 'getLabels',
      tags: ['splits'],
      summary: 'All labels of a split',
      description: 'The class index of every sample, in natural order: JSON, or uint8 [n] as NPY.',
      params: SplitParams,
      querystring: FormatQuery(formats),
      response: { ...inFormats('The labels.', 'LabelList', formats), ...problems(400, 404, 406, 503) }
    }
  }, (request, reply) => {
    const { dataset, split, format } = resolveTarget(registry, formats, request)
    const { count, labels } = dataset.splits[split]
    return respond(request, reply, {
      dataset: dataset.entry.name,
      version: dataset.version,
      pinned: request.query.version !== undefined,
      tag: `${split}/labels/${format.name}`,
      mediaType: format.mediaType,
      compressibleBytes: count,
      isRecurring: true,
      body: () => format === npy
        ? bodyOf(npyHeader([count], 'uint8'), labels)
        : bodyOf(encodeLabelList(dataset, split))
    })
  })
}
