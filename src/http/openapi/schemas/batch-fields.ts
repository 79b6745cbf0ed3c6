import { augmentationNames, limits } from '../../../batch/augment/augmentations.ts'
import { imageDimensions, type Selection } from '../../../batch/batch.ts'
import { dtypes, layouts, normalizations, remainders } from '../../../batch/options.ts'
import type { OrderOptions, SampleOrder } from '../../../batch/sample-order.ts'
import type { PreparedDataset } from '../../../dataset/prepared.ts'
import { splitNames } from '../../../dataset/sample-splits.ts'
import type { BatchMetadata } from '../../../encode/format.ts'
import { array, integer, oneOf, optional, string } from './json-schema.ts'

/** What the fields of a batch are read from. */
export interface FieldSource extends Pick<Selection, 'split' | 'span' | 'normalization' | 'dtype' | 'layout' | 'pad'> {
  readonly order: Pick<SampleOrder, 'length'>
  /** The batch's place among the pages of its split, unless its samples were requested individually. */
  readonly pagination?: { readonly page: number, readonly batch_size: number, readonly pages: number }
  /** `text` is the canonical form of the parameter: the same for the same augmentations. */
  readonly augmentation?: { readonly text: string } | undefined
  /** Parameters as they were given. */
  readonly query: OrderOptions & {
    readonly offset?: number
    readonly rank?: number
    readonly world_size?: number
    readonly remainder?: string
  }
}

/** One field of the metadata of a batch: a member of JSON, a header, and perhaps a parameter. */
interface Field {
  readonly schema: object
  /** The parameter of the same name. */
  readonly parameter?: object
  /** Whether only pages have it, and individually requested samples do not. */
  readonly isOfPages?: boolean
  /** Whether the pages of a stream may differ in it. */
  readonly isOfOnePage?: boolean
  /** Whether it is left out unless a parameter asks for it; then it is also a part of the ETag. */
  readonly isOptional?: boolean
  /** Undefined for a batch that lacks it. */
  read (request: FieldSource, dataset: PreparedDataset): string | number | readonly number[] | undefined
}

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

const U32 = 0xffffffff
const MAX_WORLD_SIZE = 65536

const strengths = augmentationNames
  .map(name => `\`${name}\` 0 to ${limits[name].maximum} (${limits[name].unit})`)
  .join(', ')

/**
 * The fields of a batch in the order of its JSON. Members, `Batch-…` headers, the headers that scripts may read,
 * parameters and the OpenAPI document are generated from it.
 */
export const batchFields = {
  dataset: {
    schema: string({ description: 'Name of the dataset.' }),
    read: (_request, { entry }) => entry.name
  },
  version: {
    schema: string({ description: '16 hexadecimal digits that identify the data, the settings and the algorithm.' }),
    parameter: string({
      description: 'The dataset\'s `version`. Pinning it makes the response immutable; any but the current version ' +
        'is a 404.'
    }),
    read: (_request, { version }) => version
  },
  split: {
    schema: oneOf(splitNames, { description: 'Name of the split.' }),
    read: ({ split }) => split
  },
  page: {
    schema: integer({ minimum: 0, description: 'Number of the page, from 0.' }),
    parameter: integer({
      minimum: 0,
      default: defaults.page,
      description: 'Page of the epoch, from 0; a stream starts with it.'
    }),
    isOfPages: true,
    isOfOnePage: true,
    read: ({ pagination }) => pagination?.page
  },
  batch_size: {
    schema: integer({ minimum: 1, description: 'The requested `batch_size`.' }),
    parameter: integer({ minimum: 1, description: 'Samples per page; the last page may have fewer.' }),
    isOfPages: true,
    read: ({ pagination }) => pagination?.batch_size
  },
  count: {
    schema: integer({ minimum: 0, description: 'Samples of this batch.' }),
    isOfOnePage: true,
    read: ({ span }) => span.count
  },
  total: {
    schema: integer({ minimum: 0, description: 'Samples of the split.' }),
    read: ({ split, order, pagination }, { splits }) => pagination ? order.length : splits[split].count
  },
  pages: {
    schema: integer({ minimum: 0, description: 'Pages of the epoch, or of the samples after `offset`.' }),
    isOfPages: true,
    read: ({ pagination }) => pagination?.pages
  },
  shape: {
    schema: array(integer({ minimum: 0 }), {
      description: 'Shape of the images, outermost dimension first; in a header, separated by commas.'
    }),
    isOfOnePage: true,
    read: (request, dataset) => [request.span.count, ...imageDimensions(dataset, request)]
  },
  dtype: {
    schema: oneOf(dtypes, { description: 'Element type of the images, as NumPy calls it.' }),
    parameter: oneOf(dtypes, {
      description: 'Element type of the images: `float32`, or `float16` (IEEE 754 binary16, the float32 rounded to ' +
        'nearest, ties to even). `raw` images are always `uint8`.'
    }),
    read: ({ dtype }) => dtype
  },
  normalization: {
    schema: oneOf(normalizations, { description: 'The normalization.' }),
    parameter: oneOf(normalizations, {
      default: defaults.normalization,
      description: 'Mapping of a pixel x in 0 … 255: `centered` x/255 − mean image, `unit` x/255, `standard` ' +
        '(x/255 − μ)/σ, all float32; `raw` x as uint8.'
    }),
    read: ({ normalization }) => normalization
  },
  layout: {
    schema: oneOf(layouts, { description: 'The layout.' }),
    parameter: oneOf(layouts, {
      default: defaults.layout,
      description: 'Shape of an image of 1 or 3 channels: `flat` [channels·rows·columns], `nhwc` [rows, columns, ' +
        'channels], `nchw` [channels, rows, columns]. `flat` has one channel after the other.'
    }),
    read: ({ layout }) => layout
  },
  offset: {
    schema: integer({ minimum: 0, description: 'Samples of the epoch before page 0, if it was given.' }),
    parameter: integer({
      minimum: 0,
      default: defaults.offset,
      description: 'Samples of the epoch that are consumed already, by all ranks together; at most those of the ' +
        'split. Page 0 begins after them, and `pages` counts what remains. So an epoch can be continued at any ' +
        'sample, with another `batch_size` and `world_size`.'
    }),
    isOfPages: true,
    isOptional: true,
    read: ({ query }) => query.offset
  },
  seed: {
    schema: integer({ minimum: 0, description: 'With `epoch`, if the order is shuffled or `augment` has a seed.' }),
    parameter: integer({
      minimum: 0,
      maximum: U32,
      description: 'Shuffles the split: the same seed and epoch give the same order everywhere. By default the ' +
        'order is natural.'
    }),
    isOptional: true,
    // Individually requested samples have no order: their epoch is that of the augmentation, whose seed is 0.
    read: ({ query: { seed, epoch }, augmentation, pagination }) => {
      return seed ?? (augmentation && epoch !== undefined && !pagination ? 0 : undefined)
    }
  },
  epoch: {
    schema: integer({ minimum: 0, description: 'With `seed`, or if it was given for `augment`.' }),
    parameter: integer({
      minimum: 0,
      maximum: U32,
      default: defaults.epoch,
      description: 'Epoch of the seed; each has its own order and its own random numbers. Requires `seed` or ' +
        '`augment`, whose seed is 0 by default.'
    }),
    isOptional: true,
    read: ({ query: { seed, epoch }, augmentation }) => {
      return seed === undefined ? augmentation && epoch : epoch ?? defaults.epoch
    }
  },
  rank: {
    schema: integer({ minimum: 0, description: 'With `world_size`, if the page is sharded.' }),
    parameter: integer({
      minimum: 0,
      maximum: MAX_WORLD_SIZE - 1,
      default: defaults.rank,
      description: 'Rank of the client among `world_size` shards, from 0.'
    }),
    isOfPages: true,
    isOptional: true,
    read: ({ query }) => query.rank
  },
  world_size: {
    schema: integer({ minimum: 1, description: 'With `rank`, if the page is sharded.' }),
    parameter: integer({
      minimum: 1,
      maximum: MAX_WORLD_SIZE,
      default: defaults.world_size,
      description: 'Shards that share a page: page p covers positions offset + p·batch_size·world_size and on, ' +
        'and rank r gets the r-th run of batch_size.'
    }),
    isOfPages: true,
    isOptional: true,
    read: ({ query }) => query.world_size
  },
  remainder: {
    schema: oneOf(remainders, { description: 'The `remainder`, if it was given.' }),
    parameter: oneOf(remainders, {
      default: defaults.remainder,
      description: 'Treatment of samples that do not fill a last page for every rank: `keep` (short or empty ' +
        'pages), `drop`, or `pad` (filled from the start of the order, with a `mask`).'
    }),
    isOfPages: true,
    isOptional: true,
    read: ({ query }) => query.remainder
  },
  augment: {
    schema: string({ description: 'The augmentations, in the order in which they were applied.' }),
    parameter: string({
      description: 'Random augmentation of the u8 images before normalization, for the split `train` only: ' +
        `\`name:strength\` pairs separated by commas, always applied in this order: ${strengths}. The result ` +
        'depends only on seed, epoch (both default to 0) and the id of the sample.',
      examples: ['rotate:15,shift:2', 'scale:0.1,elastic:34,noise:10,cutout:8']
    }),
    isOptional: true,
    read: ({ augmentation }) => augmentation?.text
  },
  pad: {
    schema: integer({ minimum: 1, description: 'Rows and columns that images are padded to.' }),
    parameter: integer({
      enum: [32],
      description: 'Pads images to 32×32 with pixels of 0 before normalization; the mean image is 0 there.'
    }),
    isOptional: true,
    read: ({ pad }) => pad
  }
} as const satisfies Record<string, Field>

type Fields = typeof batchFields
type ParameterName = { [Name in keyof Fields]: Fields[Name] extends { parameter: object } ? Name : never }[keyof Fields]

function pickParameters<Name extends ParameterName> (...names: Name[]) {
  return Object.fromEntries(names.map(name => [name, batchFields[name].parameter])) as {
    [Key in Name]: Fields[Key]['parameter']
  }
}

/** The parameters that select a page, in the order in which errors and documents list them. */
export const pageParameters = pickParameters(
  'page', 'offset', 'batch_size', 'seed', 'epoch', 'rank', 'world_size', 'remainder'
)

/** The parameters of which every batch and every sample has some. */
export const sampleParameters = pickParameters(
  'normalization', 'dtype', 'layout', 'augment', 'seed', 'epoch', 'pad', 'version'
)

const fields: ReadonlyArray<readonly [name: string, Field]> = Object.entries(batchFields)

/** The metadata of a batch, which does not depend on its tensors. */
export function describeBatch (dataset: PreparedDataset, request: FieldSource): BatchMetadata {
  return readFields(fields, dataset, request)
}

const optionalFields = fields.filter(([, { isOptional }]) => isOptional)

/** The optional fields of a batch. */
export function describeOptions (dataset: PreparedDataset, request: FieldSource): BatchMetadata {
  return readFields(optionalFields, dataset, request)
}

function readFields (selected: typeof fields, dataset: PreparedDataset, request: FieldSource): BatchMetadata {
  const metadata: Record<string, string | number | readonly number[]> = {}
  for (const [name, field] of selected) {
    const value = field.read(request, dataset)
    if (value !== undefined) metadata[name] = value
  }
  return metadata
}

/** The parts of a tag for the optional fields of a batch. A comma would separate tags in `If-None-Match`. */
export function optionTags (dataset: PreparedDataset, request: FieldSource): string[] {
  const options = Object.entries(describeOptions(dataset, request))
  return options.map(([name, value]) => `${name}=${value}`.replaceAll(',', ';'))
}

/** Which batches a schema or a list of headers describes. */
export type BatchKind = 'page' | 'samples' | 'stream'

function fieldsOf (kind: BatchKind): typeof fields {
  return fields.filter(([, { isOfPages, isOfOnePage }]) => {
    return kind === 'page' || !(kind === 'samples' ? isOfPages : isOfOnePage)
  })
}

const streamFields = fieldsOf('stream')

/** The metadata that all pages of a stream have in common. */
export function describeStream (dataset: PreparedDataset, firstPage: FieldSource): BatchMetadata {
  return readFields(streamFields, dataset, firstPage)
}

/** The members of a batch in JSON. */
export function batchMembers (kind: BatchKind): Record<string, object> {
  return Object.fromEntries(fieldsOf(kind).map(([name, { schema, isOptional }]) => {
    return [name, isOptional ? optional(schema) : schema]
  }))
}

/** The header of a field: `batch-world-size` of `world_size`, but `batch-size` of `batch_size`. */
function headerName (field: string): string {
  return `batch-${field.replace(/^batch_/, '').replaceAll('_', '-')}`
}

const headerNames: Readonly<Record<string, string>> =
  Object.fromEntries(fields.map(([name]) => [name, headerName(name)]))

/** The headers that carry the fields of a batch, in lower case. */
export const batchHeaderNames: readonly string[] = Object.values(headerNames)

/** The fields of a batch as headers, for formats that have no place for metadata. */
export function batchHeaders (metadata: BatchMetadata): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in metadata) headers[headerNames[name]!] = String(metadata[name])
  return headers
}

/** The schemas of these headers, by their names in title case. */
export function batchHeaderSchemas (kind: BatchKind): Record<string, object> {
  return Object.fromEntries(fieldsOf(kind).map(([name, { schema }]) => {
    return [headerNames[name]!.replaceAll(/\b[a-z]/g, letter => letter.toUpperCase()), schema]
  }))
}
