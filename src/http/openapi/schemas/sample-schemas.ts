import { dtypes, layouts, normalizations, remainders } from '../../../batch/options.ts'
import { splitNames } from '../../../dataset/sample-splits.ts'
import { array, integer, number, object, oneOf, optional, string, union } from './json-schema.ts'

/** Bodies that contain samples: one sample, a page, gathered samples, or a stream of pages. */

export const Shape = array(integer(), { description: 'Lengths of the dimensions, outermost first.' })
export const Identity = {
  dataset: string(),
  version: string({ description: '16 hexadecimal digits that identify the data, the settings and the algorithm.' })
}

/** Numbers that parse to exactly their values in the dtype. */
const Row = array(number())
const Image = union([Row, array(array(Row))], {
  description: 'A row if `layout` is `flat`, else of three dimensions.'
})

const Matrix = array(Row)

/** Numbers that are laid out as an image. */
export const Planes = union([Matrix, array(Matrix)], {
  description: 'Rows and columns of gray images; those of each channel of colour images.'
})

const Preparation = {
  shape: Shape,
  dtype: oneOf(dtypes, { description: 'Element type of the images, as NumPy calls it.' }),
  normalization: oneOf(normalizations),
  layout: oneOf(layouts)
}

const Seeded = {
  seed: optional(integer({ description: 'With `epoch`, if either was given for `augment`.' })),
  epoch: optional(integer())
}

const Changes = {
  augment: optional(string({ description: 'The augmentations, in the order in which they were applied.' })),
  pad: optional(integer({ description: 'Rows and columns that images are padded to.' }))
}

const Tensors = {
  ids: array(integer(), { description: 'Position of each sample in the split.' }),
  images: array(Image, { description: 'Numbers parse to exactly their values in `dtype`.' }),
  labels: array(union([number(), Row]), { description: 'Class indices, or one-hot rows.' })
}

export const Sample = object({
  ...Identity,
  split: oneOf(splitNames),
  id: integer(),
  label: integer(),
  class: string(),
  ...Preparation,
  ...Seeded,
  ...Changes,
  image: Image
}, { $id: 'Sample' })

export const Batch = object({
  ...Identity,
  split: oneOf(splitNames),
  page: integer(),
  batch_size: integer(),
  count: integer({ description: 'Samples of this page.' }),
  total: integer({ description: 'Samples of the split.' }),
  pages: integer({ description: 'Pages of the epoch, or of the samples after `offset`.' }),
  ...Preparation,
  offset: optional(integer({ description: 'Samples of the epoch before page 0, if it was given.' })),
  seed: optional(integer({ description: 'With `epoch`, if the order is shuffled.' })),
  epoch: optional(integer({ description: 'With `seed`, or if it was given for `augment`.' })),
  rank: optional(integer({ description: 'With `world_size`, if the page is sharded.' })),
  world_size: optional(integer()),
  remainder: optional(oneOf(remainders)),
  ...Changes,
  ...Tensors,
  mask: optional(array(integer(), {
    description: 'With `remainder=pad`: 1 for a sample, 0 for padding.'
  }))
}, { $id: 'Batch' })

/** A batch of individually requested samples, which is no page. */
export const GatheredBatch = object({
  ...Identity,
  split: oneOf(splitNames),
  count: integer({ description: 'Samples of this batch.' }),
  total: integer({ description: 'Samples of the split.' }),
  ...Preparation,
  ...Seeded,
  ...Changes,
  ...Tensors
}, { $id: 'GatheredBatch' })

export const StreamLines = string({
  $id: 'StreamLines',
  description: 'Lines of JSON: a batch each, and a last line `{"end":true}` with the numbers of `pages` and ' +
    '`samples` sent.'
})
