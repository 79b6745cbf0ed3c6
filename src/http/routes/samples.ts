import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { bodyOf } from '../../encode/body.ts'
import type { Format } from '../../encode/format.ts'
import { json } from '../../encode/json/json.ts'
import { nest } from '../../encode/json/nesting.ts'
import { shortestNumbers } from '../../encode/json/numbers.ts'
import { encodePng, png } from '../../encode/png.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { augmentingOfNamed, namedMetadata, refusePadding } from '../query/augmentation.ts'
import { chosenBatch } from '../query/batch-request.ts'
import { refuseUnknown, requested } from '../query/target.ts'
import { refuse } from '../query/errors.ts'
import { preparationOf } from '../query/preparation.ts'
import { jsonBody, respond, tagsOf } from '../response/respond.ts'
import { SampleParams } from '../openapi/schemas/params.ts'
import { SampleQuery } from '../openapi/schemas/queries.ts'
import { SampleBody } from '../openapi/schemas/samples.ts'

const formats: readonly Format[] = [json, png]

/** One sample, as numbers or as a picture. */
export const sampleRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry }> = async (app, { store }) => {
  app.get('/v1/datasets/:dataset/splits/:split/samples/:id', {
    schema: {
      operationId: 'getSample',
      tags: ['splits'],
      summary: 'One sample',
      description: 'As JSON, normalized as asked for; or as a PNG of its 8-bit pixels, which a browser shows. Augmented, it is what it is in the batches of the same `seed` and `epoch`.',
      params: SampleParams,
      querystring: SampleQuery,
      response: { ...inFormats('The sample.', SampleBody, formats), ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { query } = request
    const { id } = request.params
    const { dataset, split, format } = requested(store, formats, request)
    refuseUnknown([id], dataset, split)
    if (format === png) refuseWithPicture(query)
    const preparation = preparationOf(query)
    const { normalization, dtype, layout } = preparation
    refusePadding(query, dataset)
    const augmenting = augmentingOfNamed(query, split)

    const label = dataset.splits[split].labels[id]!
    const changes = namedMetadata(query, augmenting)
    return respond(request, reply, {
      version: dataset.version,
      pinned: query.version !== undefined,
      tag: [split, id, ...(format === png ? [] : [normalization, dtype, layout]), ...tagsOf(changes), format.name].join('/'),
      mediaType: format.mediaType,
      // As text, an element and its comma are two bytes at least.
      compressibleBytes: format === json ? 2 * dataset.rows * dataset.columns : 0,
      async body () {
        const sample = await chosenBatch(dataset, {
          ...preparation,
          split,
          span: { start: id, count: 1, real: 1 },
          order: () => undefined,
          labels: 'index',
          masked: false,
          pad: query.pad,
          augmenting
        })
        if (format === png) return bodyOf(encodePng(sample.copyPixels(0, 1), query.pad ?? dataset.rows, query.pad ?? dataset.columns))
        const shape = sample.images.shape.slice(1)
        return jsonBody({
          dataset: dataset.entry.name,
          version: dataset.version,
          split,
          id,
          label,
          class: dataset.entry.classes[label],
          shape,
          dtype,
          normalization,
          layout,
          ...changes,
          image: nest(shortestNumbers(sample.images.data()), shape.slice(1))
        })
      }
    })
  })
}

/** A picture has neither normalization nor dtype nor layout: asking for them is a mistake that must not go unnoticed. */
function refuseWithPicture (query: Readonly<Record<string, unknown>>): void {
  refuse(['normalization', 'dtype', 'layout']
    .filter(parameter => query[parameter] !== undefined)
    .map(parameter => ({ parameter, detail: `${parameter} does not go with a PNG, which shows the 8-bit pixels`, allowed: 'nothing with format=png' })))
}
