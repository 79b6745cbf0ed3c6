import { publicShape } from '../../dataset/image-shape.ts'
import { publicStatistics } from '../../dataset/prepared.ts'
import type { DatasetRegistry, DatasetState, LoadedDataset } from '../../dataset/registry.ts'
import { perSplit } from '../../dataset/sample-splits.ts'
import { sha256 } from '../../disk/hash.ts'
import { bodyOf } from '../../encode/format.ts'
import { batchFormats } from '../../encode/encoders.ts'
import { json } from '../../encode/json/json.ts'
import { inFormats, problems, uncached } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { DatasetParams, defaultBatchSize, NoQuery, VersionQuery } from '../openapi/schemas/parameter-schemas.ts'
import { describeFailure, resolveDataset } from '../query/target.ts'
import { respond, respondJson } from '../response/respond.ts'

interface Options {
  readonly registry: DatasetRegistry
  readonly maxBatchSize: number
}

/** The list of datasets, and the description of each. */
export const datasetRoutes: Routes<Options> = async (app, { registry, maxBatchSize }) => {
  app.get('/v1/datasets', {
    schema: {
      operationId: 'listDatasets',
      tags: ['datasets'],
      summary: 'All datasets',
      description: 'Every configured dataset, ready or not.',
      querystring: NoQuery,
      response: { 200: uncached('The datasets.', 'DatasetList'), ...problems(400) }
    }
  }, (_request, reply) => {
    respondJson(reply, {
      datasets: registry.states.map(state => summarize(state, app.basePath)),
      limits: { default_batch_size: defaultBatchSize(maxBatchSize), max_batch_size: maxBatchSize },
      formats: batchFormats.map(({ name, mediaType }) => ({ name, media_type: mediaType }))
    })
  })

  app.get('/v1/datasets/:dataset', {
    schema: {
      operationId: 'getDataset',
      tags: ['datasets'],
      summary: 'One dataset',
      description: 'Shape, classes, splits, preparation, and the provenance of the files.',
      params: DatasetParams,
      querystring: VersionQuery,
      response: { ...inFormats('The dataset.', 'DatasetDescription', [json]), ...problems(400, 404, 503) }
    }
  }, (request, reply) => {
    const dataset = resolveDataset(registry, request.params.dataset, request.query.version)
    const text = Buffer.from(JSON.stringify(describeDataset(dataset, app.basePath)))
    return respond(request, reply, {
      dataset,
      // Replicas of a version may differ in the source of their files and the backend, so the tag depends on the
      // content.
      isOfReplica: true,
      tag: sha256(text).slice(0, 16),
      mediaType: json.mediaType,
      compressibleBytes: text.length,
      body: () => bodyOf(text)
    })
  })
}

function summarize (state: DatasetState, basePath: string) {
  return {
    name: state.entry.name,
    title: state.entry.title,
    status: state.status,
    url: `${basePath}/v1/datasets/${state.entry.name}`,
    ...(state.status === 'ready' && { version: state.dataset.version }),
    ...(state.status === 'loading' && state.progress && { progress: state.progress }),
    ...(state.status === 'failed' && describeFailure(state))
  }
}

function describeDataset (dataset: LoadedDataset, basePath: string) {
  const { entry, version, settings } = dataset
  return {
    dataset: entry.name,
    version,
    title: entry.title,
    description: entry.description,
    shape: publicShape(dataset.shape),
    classes: entry.classes,
    splits: perSplit(name => dataset.splits[name].count),
    preparation: {
      split: settings.split.mode,
      val_fraction: settings.split.valFraction,
      split_seed: settings.split.seed,
      denoise: settings.prepare.denoise,
      mean_over: settings.prepare.meanOver,
      mean_count: dataset.meanCount,
      standard: publicStatistics(dataset.standard),
      adjustments: {
        transposed: entry.adjustments?.transposed ?? false,
        label_column: entry.adjustments?.labelColumn ?? null,
        first_label: entry.adjustments?.firstLabel ?? 0
      },
      backend: dataset.backend
    },
    provenance: {
      homepage: entry.homepage,
      licence: entry.licence,
      citation: entry.citation,
      croissant: `${basePath}/v1/datasets/${entry.name}/croissant`,
      files: describeFiles(dataset, basePath)
    }
  }
}

function describeFiles ({ entry, files, originals }: LoadedDataset, basePath: string) {
  const urlOf = (name: string): string => {
    return `${basePath}/v1/datasets/${entry.name}/files/${encodeURIComponent(name)}`
  }
  return files.map(({ name, bytes, sha256, source }, i) => {
    const { name: gzipName, ...gzip } = originals.gzips[i] ?? {}
    return {
      name, bytes, sha256, source, url: urlOf(name), ...(gzipName && { gzip: { url: urlOf(gzipName), ...gzip } })
    }
  })
}
