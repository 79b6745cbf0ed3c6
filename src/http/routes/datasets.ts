import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { perSplit, type PreparedDataset } from '../../dataset/entry.ts'
import { bodyOf } from '../../encode/body.ts'
import { json } from '../../encode/json/json.ts'
import { batchFormats } from '../../encode/registry.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { readyDataset } from '../query/target.ts'
import { respond } from '../response/respond.ts'
import { DatasetBody } from '../openapi/schemas/datasets.ts'
import { defaultBatchSize } from '../openapi/schemas/defaults.ts'
import { DatasetParams } from '../openapi/schemas/params.ts'
import { NoQuery, VersionQuery } from '../openapi/schemas/queries.ts'
import { DatasetList } from '../openapi/schemas/states.ts'

/** What there is, and what is known of each dataset. */
export const datasetRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry, maxBatchSize: number }> = async (app, { store, maxBatchSize }) => {
  app.get('/v1/datasets', {
    schema: {
      operationId: 'listDatasets',
      tags: ['datasets'],
      summary: 'All datasets',
      description: 'Every dataset that this server was started with, whether it is ready or not.',
      querystring: NoQuery,
      response: { 200: DatasetList, ...problems(400) }
    }
  }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return {
      datasets: store.states.map(state => ({
        name: state.entry.name,
        title: state.entry.title,
        status: state.status,
        ...(state.status === 'ready' && { version: state.dataset.version }),
        ...(state.status === 'loading' && state.progress && { progress: state.progress }),
        ...(state.status === 'failed' && { reason: state.reason }),
        url: `/v1/datasets/${state.entry.name}`
      })),
      limits: { default_batch_size: defaultBatchSize(maxBatchSize), max_batch_size: maxBatchSize },
      formats: batchFormats.map(({ name, mediaType }) => ({ name, media_type: mediaType }))
    }
  })

  app.get('/v1/datasets/:dataset', {
    schema: {
      operationId: 'getDataset',
      tags: ['datasets'],
      summary: 'One dataset',
      description: 'Shape, classes, splits, how it was prepared, and where its files came from.',
      params: DatasetParams,
      querystring: VersionQuery,
      response: { ...inFormats('The dataset.', DatasetBody, [json]), ...problems(400, 404, 503) }
    }
  }, async (request, reply) => {
    const dataset = readyDataset(store, request.params.dataset, request.query.version)
    const { entry, version, settings } = dataset
    const text = Buffer.from(JSON.stringify({
      dataset: entry.name,
      version,
      title: entry.title,
      description: entry.description,
      shape: [dataset.rows, dataset.columns],
      classes: entry.classes,
      splits: perSplit(name => dataset.splits[name].count),
      preparation: {
        split: settings.split.mode,
        val_fraction: settings.split.valFraction,
        split_seed: settings.split.seed,
        denoise: settings.prepare.denoise,
        mean_over: settings.prepare.meanOver,
        mean_count: dataset.meanCount,
        standard: dataset.standard,
        adjustments: {
          transposed: entry.adjustments?.transposed ?? false,
          label_column: entry.adjustments?.labelColumn ?? null,
          first_label: entry.adjustments?.firstLabel ?? 0
        },
        backend: dataset.backend
      },
      provenance: { homepage: entry.homepage, licence: entry.licence, citation: entry.citation, files: filesOf(dataset) }
    }))
    // Where the files came from and which backend worked on them differs between replicas of one version:
    // what was sent is told by its content, and is not good for ever.
    const tag = createHash('sha256').update(text).digest('hex').slice(0, 16)
    return respond(request, reply, { version, pinned: false, tag, mediaType: json.mediaType, compressibleBytes: text.length, body: () => bodyOf(text) })
  })
}

function filesOf ({ entry, files, originals }: PreparedDataset): object[] {
  const urlOf = (name: string): string => `/v1/datasets/${entry.name}/files/${encodeURIComponent(name)}`
  return files.map(({ name, bytes, sha256, source }, i) => {
    const { name: gzipName, ...gzip } = originals.gzips[i]!
    return { name, bytes, sha256, source, url: urlOf(name), gzip: { url: urlOf(gzipName), ...gzip } }
  })
}
