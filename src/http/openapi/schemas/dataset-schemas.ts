import { Type } from 'typebox'
import { perSplit, splitNames } from '../../../dataset/sample-splits.ts'
import { denoisers, meanScopes, splitModes } from '../../../dataset/settings.ts'
import { Identity, Matrix, Shape } from './sample-schemas.ts'

/** Bodies that describe a dataset, its mean image and its splits. */

export const DatasetDescription = Type.Object({
  ...Identity,
  title: Type.String(),
  description: Type.String(),
  shape: Shape,
  classes: Type.Array(Type.String()),
  splits: Type.Object(perSplit(() => Type.Integer()), { description: 'Samples of each split.' }),
  preparation: Type.Object({
    split: Type.Enum([...splitModes], { type: 'string' }),
    val_fraction: Type.Number(),
    split_seed: Type.Integer(),
    denoise: Type.Enum([...denoisers], { type: 'string' }),
    mean_over: Type.Enum([...meanScopes], { type: 'string' }),
    mean_count: Type.Integer({ description: 'Samples that the mean image is computed from.' }),
    standard: Type.Object({ mean: Type.Number(), std: Type.Number() }, {
      description: 'μ and σ of `standard`: float32, over all pixels of the training split, where 255 is 1.'
    }),
    adjustments: Type.Object({
      transposed: Type.Boolean({ description: 'Whether the files store images by columns; they were transposed.' }),
      label_column: Type.Union([Type.Integer(), Type.Null()], {
        description: 'The column that holds the class where the files have rows of labels; otherwise null.'
      }),
      first_label: Type.Integer({ description: 'Label of the first class in the files; here it is 0.' })
    }, { description: 'How the numbers in the files were adjusted before preparation.' }),
    backend: Type.String({ description: 'TensorFlow.js backend; all give the same bits.' })
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
      url: Type.String({ description: 'Path of the uncompressed content.' }),
      gzip: Type.Object({
        url: Type.String(),
        original: Type.Boolean({ description: 'Whether it has the bytes that were published.' }),
        made: Type.Enum(['downloaded', 'reproduced', 'compressed'], {
          type: 'string',
          description: '`downloaded` as published, `reproduced` from the content bit for bit, or `compressed` by ' +
            'this server.'
        }),
        bytes: Type.Optional(Type.Integer()),
        md5: Type.Optional(Type.String()),
        sha256: Type.Optional(Type.String({
          description: 'Of the gzip; given, like `bytes` and `md5`, if its bytes are known in advance.'
        }))
      })
    }))
  })
}, { $id: 'DatasetDescription' })

export const MeanImage = Type.Object({
  ...Identity,
  mean_over: Type.Enum([...meanScopes], { type: 'string' }),
  count: Type.Integer({ description: 'Samples that the mean image is computed from.' }),
  shape: Shape,
  dtype: Type.Literal('float32'),
  mean: Matrix
}, { $id: 'MeanImage' })

export const SplitDescription = Type.Object({
  ...Identity,
  split: Type.Enum([...splitNames], { type: 'string' }),
  count: Type.Integer(),
  shape: Shape,
  classes: Type.Array(Type.Object({ label: Type.Integer(), name: Type.String(), count: Type.Integer() })),
  pixels: Type.Object({ mean: Type.Number(), std: Type.Number() }, {
    description: 'Mean and population standard deviation of all pixels of this split, where 255 is 1.'
  })
}, { $id: 'SplitDescription' })
