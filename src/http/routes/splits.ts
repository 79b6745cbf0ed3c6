import { classStatistics } from '../../batch/class-statistics.ts'
import { publicShape, valueCount } from '../../dataset/image-shape.ts'
import { publicStatistics, type PreparedDataset } from '../../dataset/prepared.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import { bodyOf, type Format } from '../../encode/format.ts'
import { writeArrays } from '../../encode/json/array-writer.ts'
import { json } from '../../encode/json/json.ts'
import { npy, npyHeader } from '../../encode/npy.ts'
import { PAUSE, type Chunk } from '../../memory/chunk.ts'
import { encodeLabelList } from '../openapi/croissant.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { SplitParams, VersionQuery, FormatQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset, resolveSplit, resolveTarget } from '../query/target.ts'
import { jsonBody, respond } from '../response/respond.ts'

const formats: readonly Format[] = [json, npy]

/** What a split contains: its counts, its labels, and what its images look like on average. */
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
      dataset,
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
      dataset,
      tag: `${split}/labels/${format.name}`,
      mediaType: format.mediaType,
      compressibleBytes: count,
      isRecurring: true,
      body: () => format === npy
        ? bodyOf(npyHeader([count], 'uint8'), labels)
        : bodyOf(encodeLabelList(dataset, split))
    })
  })

  app.get('/v1/datasets/:dataset/splits/:split/statistics', {
    schema: {
      operationId: 'getStatistics',
      tags: ['splits'],
      summary: 'Statistics of the pixels',
      description: 'How often each pixel level occurs, and the mean and variance image of each class. Those of large ' +
        'images are computed for each request.',
      params: SplitParams,
      querystring: VersionQuery,
      response: { ...inFormats('The statistics.', 'SplitStatistics', [json]), ...problems(400, 404, 503) }
    }
  }, (request, reply) => {
    const { params, query: { version } } = request
    const dataset = resolveDataset(registry, params.dataset, version)
    const split = resolveSplit(params.split)
    const { entry: { classes } } = dataset
    const values = valueCount(dataset.shape)
    return respond(request, reply, {
      dataset,
      tag: `${split}/statistics`,
      mediaType: json.mediaType,
      // As text, a number and its comma take at least two bytes.
      compressibleBytes: 4 * classes.length * values,
      workBytes: 2 * Float64Array.BYTES_PER_ELEMENT * values,
      isRecurring: true,
      isExpensive: true,
      body: () => ({ chunks: encodeStatistics(dataset, split) })
    })
  })
}

/** Computes and writes one class after the other, since those of large images fill much memory. */
function * encodeStatistics (dataset: PreparedDataset, split: SplitName): Generator<Chunk> {
  const { entry, version } = dataset
  const { count, histogram } = dataset.splits[split]
  const shape = publicShape(dataset.shape)
  const { channels } = dataset.shape
  const levels = new Float64Array(256 * channels)
  const identity = JSON.stringify({ dataset: entry.name, version, split, count, shape })
  yield Buffer.from(`${identity.slice(0, -1)},"classes":[`)
  for (const [label, name] of entry.classes.entries()) {
    const statistics = classStatistics(dataset, split, label, levels)
    let step = statistics.next()
    for (; !step.done; step = statistics.next()) yield PAUSE
    const { mean, variance } = step.value
    const members = JSON.stringify({ label, name, count: histogram[label] }).slice(0, -1)
    yield Buffer.from(`${label === 0 ? '' : ','}${members},"mean":`)
    yield * writeArrays([mean], shape, toSixDecimals)
    yield Buffer.from(',"variance":')
    yield * writeArrays([variance], shape, toSixDecimals)
    yield Buffer.from('}')
  }
  yield Buffer.from('],"levels":')
  yield * writeArrays([levels], channels === 1 ? [256] : [channels, 256], String)
  yield Buffer.from('}')
}

function toSixDecimals (value: number): string {
  return String(Math.round(value * 1e6) / 1e6)
}
