import { Type } from 'typebox'
import { Dtype, Identity, Nested, Shape } from './members.ts'

/** Bodies that hold samples: one, a page, those that were named, or a stream of pages. */

const Changed = {
  augment: Type.Optional(Type.String({ description: 'The augmentations that were asked for, in the order in which they were applied.' })),
  pad: Type.Optional(Type.Integer({ description: 'Side of the square that images are padded to, where they are.' }))
}

const Seeded = {
  seed: Type.Optional(Type.Integer({ description: 'With `epoch`, where it was given for `augment`.' })),
  epoch: Type.Optional(Type.Integer())
}

export const SampleBody = Type.Object({
  ...Identity,
  split: Type.String(),
  id: Type.Integer(),
  label: Type.Integer(),
  class: Type.String(),
  shape: Shape,
  dtype: Dtype,
  normalization: Type.String(),
  layout: Type.String(),
  ...Seeded,
  ...Changed,
  image: Nested
})

const Prepared = { shape: Shape, dtype: Dtype, normalization: Type.String(), layout: Type.String() }

const Tensors = {
  ids: Type.Array(Type.Integer(), { description: 'Position of each sample in the split.' }),
  images: Nested,
  labels: Type.Array(Type.Unknown(), { description: 'One-hot rows, or class numbers.' })
}

export const BatchBody = Type.Object({
  ...Identity,
  split: Type.String(),
  page: Type.Integer(),
  batch_size: Type.Integer(),
  count: Type.Integer({ description: 'Samples of this page.' }),
  total: Type.Integer({ description: 'Samples of the split.' }),
  pages: Type.Integer(),
  ...Prepared,
  seed: Type.Optional(Type.Integer({ description: 'With `epoch`, where the order is shuffled.' })),
  epoch: Type.Optional(Type.Integer()),
  rank: Type.Optional(Type.Integer({ description: 'With `world_size`, where the page is sharded.' })),
  world_size: Type.Optional(Type.Integer()),
  remainder: Type.Optional(Type.String()),
  ...Changed,
  ...Tensors,
  mask: Type.Optional(Type.Array(Type.Integer(), { description: 'With `remainder=pad`: 1 for a sample, 0 for padding.' }))
})

/** A batch that is no page. */
export const GatheredBody = Type.Object({
  ...Identity,
  split: Type.String(),
  count: Type.Integer({ description: 'Samples of this batch.' }),
  total: Type.Integer({ description: 'Samples of the split.' }),
  ...Prepared,
  ...Seeded,
  ...Changed,
  ...Tensors
})

export const StreamLines = Type.String({ description: 'Lines of JSON: each a batch, the last one `{"end":true}` with the number of `pages` and `samples` that were sent.' })
