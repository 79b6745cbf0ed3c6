import type { FastifyRequest } from 'fastify'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { sha256 } from '../../disk/hash.ts'
import { bodyOf } from '../../encode/format.ts'
import { describeCroissant, jsonLd } from '../openapi/croissant.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { DatasetParams, VersionQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset } from '../query/target.ts'
import { respond } from '../response/respond.ts'

interface Options {
  readonly registry: DatasetRegistry
  readonly maxBatchSize: number
  /** Address of the service for clients, with a slash at its end; by default, that of each request. */
  readonly publicUrl: string | undefined
}

/** The description of a dataset for tools that know MLCommons Croissant. */
export const croissantRoutes: Routes<Options> = async (app, { registry, maxBatchSize, publicUrl }) => {
  app.get('/v1/datasets/:dataset/croissant', {
    schema: {
      operationId: 'getCroissant',
      tags: ['datasets'],
      summary: 'The dataset as MLCommons Croissant',
      description: 'JSON-LD by which Croissant loaders read the labels, and the images in pages of raw pixels. Its ' +
        'URLs are absolute, as loaders require: below `PUBLIC_URL`, or at the `Host` of the request.',
      params: DatasetParams,
      querystring: VersionQuery,
      response: { ...inFormats('The Croissant description.', 'Croissant', [jsonLd]), ...problems(400, 404, 503) }
    }
  }, (request, reply) => {
    const { params, query: { version } } = request
    const dataset = resolveDataset(registry, params.dataset, version)
    const base = publicUrl ?? addressOf(request, app.basePath)
    const text = Buffer.from(JSON.stringify(describeCroissant(dataset, { base, maxBatchSize })))
    return respond(request, reply, {
      dataset,
      // Replicas of a version may differ in their address.
      isOfReplica: true,
      tag: `croissant/${sha256(text).slice(0, 16)}`,
      mediaType: jsonLd.mediaType,
      compressibleBytes: text.length,
      body: () => bodyOf(text)
    })
  })
}

/** The address that a client sent its request to; a path if it named no valid host. */
function addressOf ({ protocol, headers: { host = '' } }: FastifyRequest, basePath: string): string {
  const origin = `${protocol}://${host}`
  return `${/^[\w.:[\]-]+$/.test(host) && URL.canParse(`${origin}/`) ? origin : ''}${basePath}/`
}
