import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Format } from '../../encode/format.ts'
import { json, nest } from '../../encode/json.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { shortestNumbers } from '../../encode/numbers.ts'
import { encodePng, png } from '../../encode/png.ts'
import { ServiceError } from '../../errors.ts'
import type { DatasetStore } from '../../store/store.ts'
import { inFormats, problems } from '../answers.ts'
import { augmentedBatch, augmentingOf, imageMetadata, refusePadding, type ImageQuery } from '../augmenting.ts'
import { readyDataset, splitName } from '../lookup.ts'
import { epochWithoutSeed } from '../ordering.ts'
import { refuse, type ParameterError } from '../parameters.ts'
import { preparationOf } from '../preparation.ts'
import { jsonBody, respond, tagsOf } from '../respond.ts'
import { defaults } from '../schemas/defaults.ts'
import { SampleParams } from '../schemas/params.ts'
import { SampleQuery } from '../schemas/queries.ts'
import { SampleBody } from '../schemas/samples.ts'

const formats: readonly Format[] = [json, png]

/** One sample, as numbers or as a picture. */
export const sampleRoutes: FastifyPluginAsyncTypebox<{ store: DatasetStore }> = async (app, { store }) => {
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
    const preparation = preparationOf(query)
    const { normalization, dtype, layout } = preparation
    const { epoch } = { ...defaults, ...query }
    const { id } = request.params
    const dataset = readyDataset(store, request.params.dataset, query.version)
    const split = splitName(request.params.split)
    const { count, labels } = dataset.splits[split]
    if (id >= count) throw new ServiceError('unknown_sample', `${split} has ${count} samples, 0 to ${count - 1}; there is no ${id}`)
    const format = negotiate(formats, { format: query.format, accept: request.headers.accept })
    if (format === png) refuseWithPicture(query)
    refuse(conflicts(query))
    refusePadding(query, dataset)
    const augmenting = augmentingOf(query, split)

    const label = labels[id]!
    // Said only where it was asked for.
    const changes = { ...(query.seed !== undefined && { seed: query.seed, epoch }), ...imageMetadata(query, augmenting) }
    return respond(request, reply, {
      version: dataset.version,
      pinned: query.version !== undefined,
      tag: [split, id, ...(format === png ? [] : [normalization, dtype, layout]), ...tagsOf(changes), format.name].join('/'),
      mediaType: format.mediaType,
      // As text, an element and its comma are two bytes at least.
      compressibleBytes: format === json ? 2 * dataset.rows * dataset.columns : 0,
      async body () {
        const sample = await augmentedBatch(dataset, {
          ...preparation,
          split,
          span: { start: id, count: 1, real: 1 },
          order: undefined,
          labels: 'index',
          masked: false,
          pad: query.pad
        }, augmenting)
        if (format === png) return [encodePng(sample.levels, query.pad ?? dataset.rows, query.pad ?? dataset.columns)]
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
          image: nest(shortestNumbers(sample.images.data), shape.slice(1))
        })
      }
    })
  })
}

/** Nothing else of a sample is random, so a seed without augmentation is a mistake. */
function conflicts ({ augment, seed, epoch }: ImageQuery): ParameterError[] {
  if (seed !== undefined && augment === undefined) {
    return [{ parameter: 'seed', detail: 'seed goes with augment, without which nothing is random', allowed: 'nothing without augment' }]
  }
  return epoch !== undefined && seed === undefined ? [epochWithoutSeed] : []
}

/** A picture has neither normalization nor dtype nor layout: asking for them is a mistake that must not go unnoticed. */
function refuseWithPicture (query: Readonly<Record<string, unknown>>): void {
  refuse(['normalization', 'dtype', 'layout']
    .filter(parameter => query[parameter] !== undefined)
    .map(parameter => ({ parameter, detail: `${parameter} does not go with a PNG, which shows the 8-bit pixels`, allowed: 'nothing with format=png' })))
}
