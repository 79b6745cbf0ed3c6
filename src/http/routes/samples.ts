import { paddedShape } from '../../batch/pad.ts'
import { naturalOrder } from '../../batch/sample-order.ts'
import { valueCount } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { bodyOf, type Body, type Format } from '../../encode/format.ts'
import { json } from '../../encode/json/json.ts'
import { encodeWithArray } from '../../encode/json/array-writer.ts'
import { encodePng, png } from '../../encode/png.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { defaults, describeOptions, optionTags } from '../openapi/schemas/batch-fields.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { SampleParams, SampleQuery, type SampleParameters } from '../openapi/schemas/parameter-schemas.ts'
import type { BatchRequest } from '../query/batch-request.ts'
import { assertPaddable, resolveSampleAugmentation, resolvePreparation } from '../query/preparation.ts'
import { assertNoErrors } from '../query/query-errors.ts'
import { assertKnownSamples, resolveTarget } from '../query/target.ts'
import { computeBatch } from '../response/batch-content.ts'
import { respond, type Work } from '../response/respond.ts'

const formats: readonly Format[] = [json, png]

/** One sample, as numbers or as a picture. */
export const sampleRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/splits/:split/samples/:id', {
    schema: {
      operationId: 'getSample',
      tags: ['splits'],
      summary: 'One sample',
      description: 'As normalized JSON, or as a PNG of its 8-bit pixels for browsers. With `augment`, augmented as ' +
        'in the batches of the same `seed` and `epoch`.',
      params: SampleParams,
      querystring: SampleQuery(formats),
      response: { ...inFormats('The sample.', 'Sample', formats), ...problems(400, 404, 406, 503) }
    }
  }, (request, reply) => {
    const { query, params: { id } } = request
    const { dataset, split, format } = resolveTarget(registry, formats, request)
    assertKnownSamples([id], dataset, split)
    if (format === png) assertNoPreparation(query)
    const preparation = resolvePreparation(query, dataset)
    const { normalization, dtype, layout } = preparation
    assertPaddable(query, dataset)
    const batch: BatchRequest = {
      ...preparation,
      split,
      span: { start: id, count: 1, real: 1 },
      order: naturalOrder(dataset.splits[split].count),
      labels: 'index',
      masked: false,
      pad: query.pad,
      augmentation: resolveSampleAugmentation(query, split),
      query
    }
    const preparationTags = format === png ? [] : [normalization, dtype, layout]
    return respond(request, reply, {
      dataset,
      tag: [split, id, ...preparationTags, ...optionTags(dataset, batch), format.name].join('/'),
      mediaType: format.mediaType,
      // As text, a pixel and its comma take at least two bytes.
      compressibleBytes: format === json ? 2 * valueCount(dataset.shape) : 0,
      workBytes: batch.augmentation ? valueCount(dataset.shape) : 0,
      samples: { dataset: dataset.entry.name, split, format: format.name, count: 1 },
      body: work => encodeSample(dataset, id, format, batch, work)
    })
  })
}

async function encodeSample (
  dataset: PreparedDataset,
  id: number,
  format: Format,
  request: BatchRequest,
  work: Work
): Promise<Body> {
  if (format === png) {
    const picture = await computeBatch(dataset, { ...request, layout: 'nhwc' }, format, work)
    return bodyOf(await encodePng(picture.copyPixels(0, 1), paddedShape(dataset.shape, request.pad)))
  }
  const sample = await computeBatch(dataset, request, format, work)
  const { split, normalization, dtype, layout } = request
  const shape = sample.images.shape.slice(1)
  const label = dataset.splits[split].labels[id]!
  return encodeWithArray({
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
    ...describeOptions(dataset, request)
  }, 'image', { shape, dtype, values: sample.images.data() })
}

/** Rejects values that a PNG would silently ignore; not the defaults, which some generated clients always send. */
function assertNoPreparation (query: SampleParameters): void {
  const assumed = { normalization: defaults.normalization, dtype: undefined, layout: defaults.layout }
  const parameters = ['normalization', 'dtype', 'layout'] as const
  const ignored = parameters.filter(parameter => (query[parameter] ?? assumed[parameter]) !== assumed[parameter])
  assertNoErrors(ignored.map(parameter => ({
    parameter,
    detail: `${parameter} has no effect on format=png, which shows the 8-bit pixels`,
    allowed: 'nothing with format=png'
  })))
}
