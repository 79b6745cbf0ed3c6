import { mapStages } from '../../../dataset/dataset-map.ts'
import { perSplit, splitNames } from '../../../dataset/sample-splits.ts'
import { denoisers, meanScopes, splitModes } from '../../../dataset/settings.ts'
import { batchFields, batchMembers } from './batch-fields.ts'
import { array, boolean, integer, number, object, oneOf, optional, string, union } from './json-schema.ts'

/** Bodies that describe a dataset and its parts, or contain samples. */

const Shape = array(integer(), { description: 'Lengths of the dimensions, outermost first.' })
const Identity = { dataset: batchFields.dataset.schema, version: batchFields.version.schema }

/** Numbers that parse to exactly their values in the dtype. */
const Row = array(number())
const Image = union([Row, array(array(Row))], {
  description: 'A row if `layout` is `flat`, else of three dimensions.'
})

const Matrix = array(Row)

/** Numbers that are laid out as an image. */
const Planes = union([Matrix, array(Matrix)], {
  description: 'Rows and columns of gray images; those of each channel of colour images.'
})

const PerChannel = union([number(), array(number())])

function statistics (description: string) {
  const ofColour = 'Of colour images, a list of one number per channel each.'
  return object({ mean: PerChannel, std: PerChannel }, { description: `${description} ${ofColour}` })
}

export const DatasetDescription = object({
  ...Identity,
  title: string(),
  description: string(),
  shape: Shape,
  classes: array(string()),
  splits: object(perSplit(() => integer()), { description: 'Samples of each split.' }),
  preparation: object({
    split: oneOf(splitModes),
    val_fraction: number(),
    split_seed: integer(),
    denoise: oneOf(denoisers),
    mean_over: oneOf(meanScopes),
    mean_count: integer({ description: 'Samples that the mean image is computed from.' }),
    standard: statistics('μ and σ of `standard`: float32, over all pixels of the training split, where 255 is 1.'),
    adjustments: object({
      transposed: boolean({ description: 'Whether the files store images by columns; they were transposed.' }),
      label_column: union([integer(), { type: 'null' }], {
        description: 'The column that holds the class where the files have rows of labels; otherwise null.'
      }),
      first_label: integer({ description: 'Label of the first class in the files; here it is 0.' })
    }, { description: 'How the numbers in the files were adjusted before preparation.' }),
    backend: string({ description: 'TensorFlow.js backend; all give the same bits.' })
  }),
  provenance: object({
    homepage: string(),
    licence: object({ name: string(), url: string() }),
    citation: string(),
    croissant: string({ description: 'Path of the description as MLCommons Croissant.' }),
    files: array(object({
      name: string(),
      bytes: integer(),
      sha256: string({ description: 'SHA-256 of the uncompressed content.' }),
      source: string(),
      url: string({ description: 'Path of the uncompressed content.' }),
      gzip: optional(object({
        url: string(),
        original: boolean({ description: 'Whether the bytes are those that were published.' }),
        made: oneOf(['downloaded', 'reproduced', 'compressed'], {
          description: '`downloaded` as published, `reproduced` from the content bit for bit, or `compressed` by ' +
            'this server.'
        }),
        bytes: optional(integer()),
        md5: optional(string()),
        sha256: optional(string({
          description: 'SHA-256 of the gzip file; given, like `bytes` and `md5`, if its bytes are known in advance.'
        }))
      }, { description: 'The gzipped file; absent for files that were published as they are, such as archives.' }))
    }))
  })
}, { $id: 'DatasetDescription' })

export const MeanImage = object({
  ...Identity,
  mean_over: oneOf(meanScopes),
  count: integer({ description: 'Samples that the mean image is computed from.' }),
  shape: Shape,
  dtype: oneOf(['float32']),
  mean: Planes
}, { $id: 'MeanImage' })

export const SplitDescription = object({
  ...Identity,
  split: oneOf(splitNames),
  count: integer(),
  shape: Shape,
  classes: array(object({ label: integer(), name: string(), count: integer() })),
  pixels: statistics('Mean and population standard deviation of all pixels of this split, where 255 is 1.')
}, { $id: 'SplitDescription' })

export const LabelList = object({
  ...Identity,
  split: oneOf(splitNames),
  count: integer(),
  labels: array(integer(), { description: 'Class index of each sample, by its position in the split.' })
}, { $id: 'LabelList' })

export const SplitStatistics = object({
  ...Identity,
  split: oneOf(splitNames),
  count: integer(),
  shape: Shape,
  levels: union([array(integer()), array(array(integer()))], {
    description: 'Number of pixels of each level from 0 to 255, in all images; of colour images, for each channel.'
  }),
  classes: array(object({
    label: integer(),
    name: string(),
    count: integer(),
    mean: Planes,
    variance: Planes
  }), { description: 'The mean image and the population variance of each class, where 255 is 1, to six decimals.' })
}, { $id: 'SplitStatistics' })

export const Croissant = object({
  '@context': { type: 'object' },
  '@type': oneOf(['sc:Dataset']),
  conformsTo: string(),
  name: string(),
  alternateName: string(),
  description: string(),
  citeAs: optional(string()),
  creator: optional(array({ type: 'object' })),
  datePublished: optional(string()),
  license: optional(string()),
  sameAs: optional(string()),
  url: string(),
  version: string(),
  isLiveDataset: boolean(),
  distribution: array({ type: 'object' }, {
    description: 'The original files, and the labels and pages of images of each split.'
  }),
  recordSet: array({ type: 'object' }, {
    description: 'The classes, labels and samples, and where they are read from.'
  })
}, { $id: 'Croissant', description: 'MLCommons Croissant 1.1, as JSON-LD.' })

export const MapProgress = object({
  status: oneOf(['computing']),
  stage: oneOf(mapStages),
  done: number({ description: 'Completed share of the stage, 0 to 1.' })
}, { $id: 'MapProgress' })

export const SplitMap = object({
  ...Identity,
  split: oneOf(splitNames),
  count: integer(),
  points: array(array(number()), { description: 'x and y of each sample, by its position in the split.' })
}, { $id: 'SplitMap' })

const SampleReference = {
  split: oneOf(splitNames),
  id: integer(),
  label: integer()
}

export const Findings = object({
  ...Identity,
  duplicates: array(object({
    first: object(SampleReference),
    second: object(SampleReference),
    distance: number({
      description: 'Distance of the pixel vectors, relative to the longer one: 0 for identical images.'
    })
  }), { description: 'Similar pairs, by pairs of splits and then by distance.' }),
  suspects: array(object({
    ...SampleReference,
    suggested: integer({ description: 'The label that most neighbours have.' }),
    votes: integer({ description: 'Neighbours with that label.' }),
    own: integer({ description: 'Neighbours with the label of the sample.' }),
    neighbours: integer(),
    ratio: number({
      description: 'Distance to the nearest samples with its label, relative to those with the suggested one.'
    })
  }), { description: 'Samples that may have a wrong label, by splits and then by `ratio`.' })
}, { $id: 'Findings' })

const Tensors = {
  ids: array(integer(), { description: 'Position of each sample in the split.' }),
  images: array(Image, { description: 'Numbers parse to exactly their values in `dtype`.' }),
  labels: array(union([number(), Row]), { description: 'Class indices, or one-hot rows.' })
}

const { count: _count, total: _total, shape: _shape, ...sampleMembers } = batchMembers('samples')

export const Sample = object({
  ...sampleMembers,
  id: integer(),
  label: integer(),
  class: string(),
  shape: Shape,
  image: Image
}, { $id: 'Sample' })

export const Batch = object({
  ...batchMembers('page'),
  ...Tensors,
  mask: optional(array(integer(), {
    description: 'With `remainder=pad`: 1 for a sample, 0 for padding.'
  }))
}, { $id: 'Batch' })

/** A batch of individually requested samples, which is no page. */
export const GatheredBatch = object({ ...batchMembers('samples'), ...Tensors }, { $id: 'GatheredBatch' })

export const StreamLines = string({
  $id: 'StreamLines',
  description: 'Lines of JSON: a batch each, and a last line `{"end":true}` with the numbers of `pages` and ' +
    '`samples` sent.'
})
