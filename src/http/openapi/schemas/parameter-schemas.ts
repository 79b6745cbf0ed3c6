import type { XStatic } from 'typebox/schema'
import { augmentationNames, limits } from '../../../batch/augment/augmentations.ts'
import { dtypes, labelEncodings, layouts, normalizations, remainders } from '../../../batch/options.ts'
import { splitNames } from '../../../dataset/sample-splits.ts'
import { array, integer, oneOf, query, string } from './json-schema.ts'

/** The parameters of every resource, in its path, query or body; any other parameter is an error. */

export const defaults = {
  page: 0,
  offset: 0,
  epoch: 0,
  rank: 0,
  world_size: 1,
  remainder: 'keep',
  normalization: 'centered',
  labels: 'onehot',
  layout: 'flat',
  columns: 16
} as const

export function defaultBatchSize (maxBatchSize: number): number {
  return Math.min(128, maxBatchSize)
}

export const DatasetParams = {
  type: 'object',
  required: ['dataset'],
  properties: {
    dataset: string({ description: 'Name of a dataset.', examples: ['mnist'] })
  }
} as const

export const FileParams = {
  type: 'object',
  required: ['dataset', 'file'],
  properties: {
    ...DatasetParams.properties,
    file: string({
      description: 'Name of a file as published, with or without `.gz`.',
      examples: ['t10k-labels-idx1-ubyte.gz']
    })
  }
} as const

export const SplitParams = {
  type: 'object',
  required: ['dataset', 'split'],
  properties: {
    ...DatasetParams.properties,
    split: string({ description: `Name of a split: ${splitNames.join(', ')}.`, examples: ['train'] })
  }
} as const

export const SampleParams = {
  type: 'object',
  required: ['dataset', 'split', 'id'],
  properties: {
    ...SplitParams.properties,
    id: integer({ minimum: 0, description: 'Position of the sample in the split, from 0.', examples: [0] })
  }
} as const

const version = string({
  description: 'The dataset\'s `version`. Pinning it makes the response immutable; any but the current version is a ' +
    '404.'
})

const normalization = oneOf(normalizations, {
  default: defaults.normalization,
  description: 'Mapping of a pixel x in 0 … 255: `centered` x/255 − mean image, `unit` x/255, `standard` ' +
    '(x/255 − μ)/σ, all float32; `raw` x as uint8.'
})

const dtype = oneOf(dtypes, {
  description: 'Element type of the images: `float32`, or `float16` (IEEE 754 binary16, the float32 rounded to ' +
    'nearest, ties to even). `raw` images are always `uint8`.'
})

const layout = oneOf(layouts, {
  default: defaults.layout,
  description: 'Shape of an image of 1 or 3 channels: `flat` [channels·rows·columns], `nhwc` [rows, columns, ' +
    'channels], `nchw` [channels, rows, columns]. `flat` has one channel after the other.'
})

const strengths = augmentationNames
  .map(name => `\`${name}\` 0 to ${limits[name].maximum} (${limits[name].unit})`)
  .join(', ')

const augment = string({
  description: 'Random augmentation of the u8 images before normalization, for the split `train` only: ' +
    `\`name:strength\` pairs separated by commas, always applied in this order: ${strengths}. The result ` +
    'depends only on seed, epoch (both default to 0) and the id of the sample.',
  examples: ['rotate:15,shift:2', 'scale:0.1,elastic:34,noise:10,cutout:8']
})

const pad = integer({
  enum: [32],
  description: 'Pads images to 32×32 with pixels of 0 before normalization; the mean image is 0 there.'
})

function format (names: readonly string[]) {
  return oneOf(names, {
    description: 'Format of the response; by default the Accept header decides.'
  })
}

const labels = oneOf(labelEncodings, {
  default: defaults.labels,
  description: '`onehot` float32 rows, or `index` int64 class indices.'
})

const U32 = 0xffffffff
const seed = integer({ minimum: 0, maximum: U32 })
const epoch = integer({ minimum: 0, maximum: U32, default: defaults.epoch })
const MAX_WORLD_SIZE = 65536
const MAX_SHEET_COLUMNS = 256

/** For resources without parameters. */
export const NoQuery = query({})

export const VersionQuery = query({ version })

export const MeanQuery = query({ format: format(['json', 'npy', 'png']), version })

export const LabelQuery = query({ format: format(['json', 'npy']), version })

/** How the images of individually requested samples are changed. */
const changes = {
  augment,
  seed: { ...seed, description: 'Seed of `augment`, which it requires; 0 by default.' },
  epoch: { ...epoch, description: 'Epoch of the seed. Requires `augment`.' },
  pad
}

export const SampleQuery = query({
  normalization,
  dtype,
  layout,
  ...changes,
  format: format(['json', 'png']),
  version
})

/** The parameters that select a page of an epoch. */
function pagination (maxBatchSize: number) {
  return {
    page: integer({
      minimum: 0,
      default: defaults.page,
      description: 'Page of the epoch, from 0; a stream starts with it.'
    }),
    offset: integer({
      minimum: 0,
      default: defaults.offset,
      description: 'Samples of the epoch that are consumed already, by all ranks together; at most those of the ' +
        'split. Page 0 begins after them, and `pages` counts what remains. So an epoch can be continued at any ' +
        'sample, with another `batch_size` and `world_size`.'
    }),
    batch_size: integer({
      minimum: 1,
      maximum: maxBatchSize,
      default: defaultBatchSize(maxBatchSize),
      description: 'Samples per page; the last page may have fewer.'
    }),
    seed: {
      ...seed,
      description: 'Shuffles the split: the same seed and epoch give the same order everywhere. By default the ' +
        'order is natural.'
    },
    epoch: {
      ...epoch,
      description: 'Epoch of the seed; each has its own order and its own random numbers. Requires `seed` or ' +
        '`augment`, whose seed is 0 by default.'
    },
    rank: integer({
      minimum: 0,
      maximum: MAX_WORLD_SIZE - 1,
      default: defaults.rank,
      description: 'Rank of the client among `world_size` shards, from 0.'
    }),
    world_size: integer({
      minimum: 1,
      maximum: MAX_WORLD_SIZE,
      default: defaults.world_size,
      description: 'Shards that share a page: page p covers positions offset + p·batch_size·world_size and on, ' +
        'and rank r gets the r-th run of batch_size.'
    }),
    remainder: oneOf(remainders, {
      default: defaults.remainder,
      description: 'Treatment of samples that do not fill a last page for every rank: `keep` (short or empty ' +
        'pages), `drop`, or `pad` (filled from the start of the order, with a `mask`).'
    })
  }
}

/** For one batch or a stream of them. */
export function BatchQuery (formats: readonly string[], maxBatchSize: number) {
  return query({
    ...pagination(maxBatchSize),
    normalization,
    dtype,
    labels,
    layout,
    augment,
    pad,
    format: format(formats),
    version
  })
}

/** For a picture of many samples. */
export function ThumbnailQuery (maxBatchSize: number) {
  return query({
    ...pagination(maxBatchSize),
    ids: string({
      description: `Up to ${maxBatchSize} positions of samples in the split, separated by commas, instead of a page; ` +
        '`seed` and `epoch` are then those of `augment`.',
      examples: ['3,1,2,1']
    }),
    augment,
    pad,
    columns: integer({
      minimum: 1,
      maximum: MAX_SHEET_COLUMNS,
      default: defaults.columns,
      description: 'Samples in a row of the picture.'
    }),
    version
  })
}

export type ThumbnailParameters = XStatic<ReturnType<typeof ThumbnailQuery>>

export type BatchParameters = XStatic<ReturnType<typeof BatchQuery>>
export type SampleParameters = XStatic<typeof SampleQuery>

/** How gathered samples are prepared and sent. */
export function GatherQuery (formats: readonly string[]) {
  return query({ normalization, dtype, labels, layout, ...changes, format: format(formats), version })
}

export type GatherParameters = XStatic<ReturnType<typeof GatherQuery>>

export function GatherRequest (maxBatchSize: number) {
  return {
    type: 'object',
    required: ['ids'],
    properties: {
      ids: array(integer({ minimum: 0 }), {
        minItems: 1,
        maxItems: maxBatchSize,
        description: 'Positions of samples in the split, in any order and any number of times.',
        examples: [[3, 1, 2, 1]]
      })
    },
    additionalProperties: false
  } as const
}
