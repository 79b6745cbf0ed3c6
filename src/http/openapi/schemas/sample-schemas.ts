import { Type } from 'typebox'

/** Bodies that contain samples: one sample, a page, gathered samples, or a stream of pages. */

export const Shape = Type.Array(Type.Integer(), { description: 'Lengths of the dimensions, outermost first.' })
export const Identity = {
  dataset: Type.String(),
  version: Type.String({ description: '16 hexadecimal digits that identify the data, the settings and the algorithm.' })
}
export const Dtype = Type.String({ description: 'Element type, as NumPy calls it.' })
export const Nested = Type.Array(Type.Unknown(), {
  description: 'Numbers, nested according to the shape. Each parses to exactly its value in `dtype`.'
})

const Preparation = { shape: Shape, dtype: Dtype, normalization: Type.String(), layout: Type.String() }

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
  images: Nested,
  labels: Type.Array(Type.Unknown(), { description: 'One-hot rows, or class indices.' })
}

export const SampleBody = Type.Object({
  ...Identity,
  split: Type.String(),
  id: Type.Integer(),
  label: Type.Integer(),
  class: Type.String(),
  ...Preparation,
  ...Seeded,
  ...Changes,
  image: Nested
})

export const BatchBody = Type.Object({
  ...Identity,
  split: Type.String(),
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
  remainder: Type.Optional(Type.String()),
  ...Changes,
  ...Tensors,
  mask: Type.Optional(Type.Array(Type.Integer(), {
    description: 'With `remainder=pad`: 1 for a sample, 0 for padding.'
  }))
})

/** A batch of individually requested samples, which is no page. */
export const GatheredBody = Type.Object({
  ...Identity,
  split: Type.String(),
  count: Type.Integer({ description: 'Samples of this batch.' }),
  total: Type.Integer({ description: 'Samples of the split.' }),
  ...Preparation,
  ...Seeded,
  ...Changes,
  ...Tensors
})

export const StreamLines = Type.String({
  description: 'Lines of JSON: a batch each, and a last line `{"end":true}` with the numbers of `pages` and ' +
    '`samples` sent.'
})
