import { batchFields, batchMembers } from './batch-fields.ts'
import { array, integer, number, object, optional, string, union } from './json-schema.ts'

/** Bodies that contain samples: one sample, a page, gathered samples, or a stream of pages. */

export const Shape = array(integer(), { description: 'Lengths of the dimensions, outermost first.' })
export const Identity = { dataset: batchFields.dataset.schema, version: batchFields.version.schema }

/** Numbers that parse to exactly their values in the dtype. */
const Row = array(number())
const Image = union([Row, array(array(Row))], {
  description: 'A row if `layout` is `flat`, else of three dimensions.'
})

/** Rows and columns. */
export const Matrix = array(Row)

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
