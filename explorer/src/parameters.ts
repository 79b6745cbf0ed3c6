import { dtypes, labelEncodings, layouts, normalizations, remainders } from '../../src/batch/options.ts'
import { splitNames } from '../../src/dataset/sample-splits.ts'
import { choice, integer, optionalInteger, text } from './query.ts'

export const views = ['samples', 'model', 'batches', 'statistics', 'map', 'predictions', 'use'] as const
export type View = (typeof views)[number]

export const viewTitles: Readonly<Record<View, string>> = {
  samples: 'Samples',
  model: 'What the model sees',
  batches: 'Batches',
  statistics: 'Statistics',
  map: 'Map',
  predictions: 'Predictions',
  use: 'Use it'
}

export const view = choice('view', views, 'samples')
export const datasetName = text('dataset', '')

/** Of the samples view: any split, or all of them in a row. */
export const shownSplits = choice('splits', [...splitNames, 'train+val', 'all'], 'train')
export const shownClass = optionalInteger('class')
export const tileSize = integer('tile', 56, 20, 112)
export const selected = text('sample', '')

export const split = choice('split', splitNames, 'train')
export const sampleId = integer('id', 0)

// Those of the API, under the same names.
export const page = integer('page', 0)
export const batchSize = integer('batch_size', 64, 1, 65536)
export const seed = optionalInteger('seed')
export const epoch = integer('epoch', 0)
export const rank = integer('rank', 0, 0, 65535)
export const worldSize = integer('world_size', 1, 1, 65536)
export const remainder = choice('remainder', remainders, 'keep')
export const normalization = choice('normalization', normalizations, 'centered')
export const dtype = choice('dtype', dtypes, 'float32')
export const labels = choice('labels', labelEncodings, 'onehot')
export const layout = choice('layout', layouts, 'flat')
export const augment = text('augment', '')
export const pad = optionalInteger('pad', 32)
export const format = choice('format', ['json', 'npz', 'safetensors', 'arrow'], 'npz')
