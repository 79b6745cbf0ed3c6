import type { FastifyReply } from 'fastify'
import type { DatasetMap, MapProgress } from '../../dataset/dataset-map.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { bodyOf, type Format } from '../../encode/format.ts'
import { json } from '../../encode/json/json.ts'
import { encodeWithArray } from '../../encode/json/array-writer.ts'
import { npy, npyHeader } from '../../encode/npy.ts'
import { asBytes } from '../../memory/bytes.ts'
import { retryHeaders, inFormats, problems, uncached } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { DatasetParams, FormatQuery, SplitParams, VersionQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset, resolveTarget } from '../query/target.ts'
import { jsonBody, respond, respondJson } from '../response/respond.ts'

const formats: readonly Format[] = [json, npy]

const RETRY_SECONDS = 1

const progressResponse = {
  202: uncached('The map is being computed; retry the request.', 'MapProgress', retryHeaders)
}

/** Where samples lie in the plane, and which of them deserve a look. */
export const mapRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/splits/:split/map', {
    schema: {
      operationId: 'getMap',
      tags: ['splits'],
      summary: 'A map of the samples',
      description: 'The position of every sample in a plane where similar ones are close to each other (UMAP of 32 ' +
        'principal components), the same plane for all splits: JSON, or float32 [n, 2] as NPY. The first request ' +
        'for any map of a dataset starts its computation, which takes about a minute: until then, the status is 202. ' +
        'Datasets of more than 300,000 samples have no map.',
      params: SplitParams,
      querystring: FormatQuery(formats),
      response: { ...inFormats('The map.', 'SplitMap', formats), ...progressResponse, ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { dataset, split, format } = resolveTarget(registry, formats, request)
    const { entry, version, splits } = dataset
    const map = await dataset.map.get()
    if (isProgress(map)) return respondProgress(reply, map)
    const { count } = splits[split]
    const points = map.points[split]
    return await respond(request, reply, {
      dataset,
      // Replicas of a version may differ in the version of Node.js, and so in the last digits.
      isOfReplica: true,
      tag: `${split}/map/${map.hash}/${format.name}`,
      mediaType: format.mediaType,
      compressibleBytes: format === json ? 4 * count : 0,
      isRecurring: true,
      body: () => format === npy
        ? bodyOf(npyHeader([count, 2], 'float32'), asBytes(points))
        : encodeWithArray({ dataset: entry.name, version, split, count }, 'points', {
          shape: [count, 2],
          dtype: 'float32',
          values: points
        })
    })
  })

  app.get('/v1/datasets/:dataset/findings', {
    schema: {
      operationId: 'getFindings',
      tags: ['datasets'],
      summary: 'Near-duplicates and likely label errors',
      description: 'The most similar pairs of samples within each split and across each two, and the samples of each ' +
        'split of which at least two thirds of the 15 nearest neighbours, in the space of 32 principal components, ' +
        'agree on another label. At most 100 each. Computed with the map.',
      params: DatasetParams,
      querystring: VersionQuery,
      response: { ...inFormats('The findings.', 'Findings', [json]), ...progressResponse, ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const dataset = resolveDataset(registry, request.params.dataset, request.query.version)
    const { entry, version } = dataset
    const map = await dataset.map.get()
    if (isProgress(map)) return respondProgress(reply, map)
    const { duplicates, suspects, hash } = map
    return await respond(request, reply, {
      dataset,
      isOfReplica: true,
      tag: `findings/${hash}`,
      mediaType: json.mediaType,
      compressibleBytes: 50 * (duplicates.length + suspects.length),
      isRecurring: true,
      body: () => jsonBody({ dataset: entry.name, version, duplicates, suspects })
    })
  })
}

function isProgress (map: DatasetMap | MapProgress): map is MapProgress {
  return 'stage' in map
}

function respondProgress (reply: FastifyReply, progress: MapProgress): FastifyReply {
  respondJson(reply.code(202).header('retry-after', String(RETRY_SECONDS)), { status: 'computing', ...progress })
  return reply
}
