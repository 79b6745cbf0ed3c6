import { Type } from 'typebox'
import { Dtype, Identity, Nested, Shape } from './members.ts'

/** Bodies that describe a dataset, its mean image and its splits. */

export const DatasetBody = Type.Object({
  ...Identity,
  title: Type.String(),
  description: Type.String(),
  shape: Shape,
  classes: Type.Array(Type.String()),
  splits: Type.Record(Type.String(), Type.Integer(), { description: 'Samples of each split.' }),
  preparation: Type.Object({
    split: Type.Enum(['contiguous', 'shuffled', 'stratified']),
    val_fraction: Type.Number(),
    split_seed: Type.Integer(),
    denoise: Type.String(),
    mean_over: Type.String(),
    mean_count: Type.Integer({ description: 'Samples that the mean image was taken over.' }),
    standard: Type.Object({ mean: Type.Number(), std: Type.Number() }, { description: 'μ and σ of `standard`: float32, over the pixels of the training split, in units of full scale.' }),
    adjustments: Type.Object({
      transposed: Type.Boolean({ description: 'The files have images column by column, and they were turned upright.' }),
      label_column: Type.Union([Type.Integer(), Type.Null()], { description: 'The files have rows of labels, and this column of them is the class; null where they have one number each.' }),
      first_label: Type.Integer({ description: 'The label of the first class in the files, which became 0.' })
    }, { description: 'What was done to the numbers of the files before anything else.' }),
    backend: Type.String({ description: 'TensorFlow.js backend that did it; all give the same bits.' })
  }),
  provenance: Type.Object({
    homepage: Type.String(),
    licence: Type.Object({ name: Type.String(), url: Type.String() }),
    citation: Type.String(),
    files: Type.Array(Type.Object({
      name: Type.String(),
      bytes: Type.Integer(),
      sha256: Type.String({ description: 'Of the uncompressed content.' }),
      source: Type.String(),
      url: Type.String({ description: 'Where the uncompressed content is.' }),
      gzip: Type.Object({
        url: Type.String(),
        original: Type.Boolean({ description: 'Whether it has the publisher\'s own bytes.' }),
        made: Type.Enum(['downloaded', 'reproduced', 'compressed'], { description: '`downloaded` as its publisher made it, `reproduced` from the content bit for bit, or `compressed` here.' }),
        bytes: Type.Optional(Type.Integer()),
        md5: Type.Optional(Type.String()),
        sha256: Type.Optional(Type.String({ description: 'Of the gzip; with `bytes` and `md5`, where it is the publisher\'s own.' }))
      })
    }))
  })
})

export const MeanBody = Type.Object({
  ...Identity,
  mean_over: Type.String(),
  count: Type.Integer({ description: 'Samples that the mean was taken over.' }),
  shape: Shape,
  dtype: Dtype,
  mean: Nested
})

export const SplitBody = Type.Object({
  ...Identity,
  split: Type.String(),
  count: Type.Integer(),
  shape: Shape,
  classes: Type.Array(Type.Object({ label: Type.Integer(), name: Type.String(), count: Type.Integer() })),
  pixels: Type.Object({ mean: Type.Number(), std: Type.Number() }, { description: 'Mean and population standard deviation of all pixels of this split, in units of full scale.' })
})
