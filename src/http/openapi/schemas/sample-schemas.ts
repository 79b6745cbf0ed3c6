import { Type } from 'typebox'
import { dtypes, layouts, normalizations, remainders } from '../../../batch/options.ts'
import { splitNames } from '../../../dataset/sample-splits.ts'

/** Bodies that contain samples: one sample, a page, gathered samples, or a stream of pages. */

export const Shape = Type.Array(Type.Integer(), { description: 'Lengths of the dimensions, outermost first.' })
export const Identity = {
  dataset: Type.String(),
  version: Type.String({ description: '16 hexadecimal digits that identify the data, the settings and the algorithm.' })
}

/** Numbers that parse to exactly their values in the dtype. */
const Row = Type.Array(Type.Number())
const Image = Type.Union([Row, Type.Array(Type.Array(Row))], {
  description: 'A row if `layout` is `flat`, else of three dimensions.'
})

/** Rows and columns. */
export const Matrix = Type.Array(Row)

const Preparation = {
  shape: Shape,
  dtype: Type.Enum([...dtypes], { type: 'string', description: 'Element type of the images, as NumPy calls it.' }),
  normalization: Type.Enum([...normalizations], { type: 'string' }),
  layout: Type.Enum([...layouts], { type: 'string' })
}

const Seeded = {
  seed: Type.Optional(Type.Integer({ description: 'With `epoch`, if either was given for `augment`.' })),
  epoch: Type.Optional(Type.Integer())
}

const Changes = {
  augment: Type.Optional(Type.String({ description: 'The augmentations, in the order in which they were applied.' })),
  pad: Type.Optional(Type.Integer({ description: 'Rows and columns that images are padded to.' }))
}

const Tensors = {
  ids: Type.Array(Type.Integer(), { description: 'Position of each sample in the split.' }),
  images: Type.Array(Image, { description: 'Numbers parse to exactly their values in `dtype`.' }),
  labels: Type.Array(Type.Union([Type.Number(), Row]), { description: 'Class indices, or one-hot rows.' })
}

export const Sample = Type.Object({
  ...Identity,
  split: Type.Enum([...splitNames], { type: 'string' }),
  id: Type.Integer(),
  label: Type.Integer(),
  class: Type.String(),
  ...Preparation,
  ...Seeded,
  ...Changes,
  image: Image
}, { $id: 'Sample' })

export const Batch = Type.Object({
  ...Identity,
  split: Type.Enum([...splitNames], { type: 'string' }),
  page: Type.Integer(),
  batch_size: Type.Integer(),
  count: Type.Integer({ description: 'Samples of this page.' }),
  total: Type.Integer({ description: 'Samples of the split.' }),
  pages: Type.Integer({ description: 'Pages of the epoch, or of what follows `offset`.' }),
  ...Preparation,
  offset: Type.Optional(Type.Integer({ description: 'Samples of the epoch before page 0, if it was given.' })),
  seed: Type.Optional(Type.Integer({ description: 'With `epoch`, if the order is shuffled.' })),
  epoch: Type.Optional(Type.Integer({ description: 'With `seed`, or if it was given for `augment`.' })),
  rank: Type.Optional(Type.Integer({ description: 'With `world_size`, if the page is sharded.' })),
  world_size: Type.Optional(Type.Integer()),
  remainder: Type.Optional(Type.Enum([...remainders], { type: 'string' })),
  ...Changes,
  ...Tensors,
  mask: Type.Optional(Type.Array(Type.Integer(), {
    description: 'With `remainder=pad`: 1 for a sample, 0 for padding.'
  }))
}, { $id: 'Batch' })

/** A batch of individually requested samples, which is no page. */
export const GatheredBatch = Type.Object({
  ...Identity,
  split: Type.Enum([...splitNames], { type: 'string' }),
  count: Type.Integer({ description: 'Samples of this batch.' }),
  total: Type.Integer({ description: 'Samples of the split.' }),
  ...Preparation,
  ...Seeded,
  ...Changes,
  ...Tensors
}, { $id: 'GatheredBatch' })

export const StreamLines = Type.String({
  $id: 'StreamLines',
  description: 'Lines of JSON: a batch each, and a last line `{"end":true}` with the numbers of `pages` and ' +
    '`samples` sent.'
})
