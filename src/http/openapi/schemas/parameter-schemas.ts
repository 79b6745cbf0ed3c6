import type { XStatic } from 'typebox/schema'
import { labelEncodings } from '../../../batch/options.ts'
import { splitNames } from '../../../dataset/sample-splits.ts'
import type { Format } from '../../../encode/format.ts'
import { defaults, pageParameters, sampleParameters } from './batch-fields.ts'
import { array, integer, oneOf, query, string } from './json-schema.ts'

/** The parameters of every resource, in its path, query or body; any other parameter is an error. */

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

const { version, normalization, dtype, layout, seed, epoch, augment, pad } = sampleParameters

function format (formats: readonly Format[]) {
  return oneOf(formats.map(({ name }) => name), {
    description: 'Format of the response; by default the Accept header decides.'
  })
}

const labels = oneOf(labelEncodings, {
  default: defaults.labels,
  description: '`onehot` float32 rows, or `index` int64 class indices.'
})

const MAX_SHEET_COLUMNS = 256

/** For resources without parameters. */
export const NoQuery = query({})

export const VersionQuery = query({ version })

/** For resources in one of several formats. */
export function FormatQuery (formats: readonly Format[]) {
  return query({ format: format(formats), version })
}

/** How the images of individually requested samples are changed. */
const changes = {
  augment,
  seed: { ...seed, description: 'Seed of `augment`, which it requires; 0 by default.' },
  epoch: { ...epoch, description: 'Epoch of the seed. Requires `augment`.' },
  pad
}

export function SampleQuery (formats: readonly Format[]) {
  return query({ normalization, dtype, layout, ...changes, format: format(formats), version })
}

/** The parameters that select a page of an epoch. */
function pagination (maxBatchSize: number) {
  return {
    ...pageParameters,
    batch_size: { ...pageParameters.batch_size, maximum: maxBatchSize, default: defaultBatchSize(maxBatchSize) }
  }
}

/** For one batch or a stream of them. */
export function BatchQuery (formats: readonly Format[], maxBatchSize: number) {
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
export type SampleParameters = XStatic<ReturnType<typeof SampleQuery>>

/** How gathered samples are prepared and sent. */
export function GatherQuery (formats: readonly Format[]) {
  return query({ normalization, dtype, labels, layout, ...changes, format: format(formats), version })
}

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
