import { Type } from 'typebox'
import { augmentationNames, limits } from '../augment/augmentations.ts'
import { dtypes, labelEncodings, layouts, normalizations, remainders, splitNames } from '../dataset.ts'

/** The shapes of requests and answers: each gives its type, its validation, its serialization and its page in the docs. */

/** What a request gets that does not say. */
export const defaults = {
  page: 0, epoch: 0, rank: 0, world_size: 1, remainder: 'keep', normalization: 'centered', labels: 'onehot', layout: 'flat'
} as const

export function defaultBatchSize (maxBatchSize: number): number {
  return Math.min(128, maxBatchSize)
}

export const DatasetParams = Type.Object({
  dataset: Type.String({ description: 'Name of a dataset.', examples: ['mnist'] })
})

export const FileParams = Type.Object({
  ...DatasetParams.properties,
  file: Type.String({ description: 'Name of a file, as its publisher calls it, with `.gz` or without.', examples: ['t10k-labels-idx1-ubyte.gz'] })
})

export const SplitParams = Type.Object({
  ...DatasetParams.properties,
  split: Type.String({ description: `Name of a split: ${splitNames.join(', ')}.`, examples: ['train'] })
})

export const SampleParams = Type.Object({
  ...SplitParams.properties,
  id: Type.Integer({ minimum: 0, description: 'Position of the sample in the split, from 0.', examples: [0] })
})

const version = Type.Optional(Type.String({ description: 'The dataset\'s `version`. Pinning it makes the answer cacheable for ever; any but the current one is a 404.' }))

const normalization = Type.Optional(Type.Enum([...normalizations], {
  default: defaults.normalization,
  description: 'Of a pixel x in 0 … 255: `centered` x/255 − mean image, `unit` x/255, `standard` (x/255 − μ)/σ, all float32; `raw` x as uint8.'
}))

const dtype = Type.Optional(Type.Enum([...dtypes], {
  description: 'Element type of the images: `float32`, or `float16` (IEEE 754 binary16, rounded from the float32 to nearest, ties to even). `uint8` with `normalization=raw`, and only there.'
}))

const layout = Type.Optional(Type.Enum([...layouts], {
  default: defaults.layout,
  description: 'Shape of an image: `flat` [rows·columns], `nhwc` [rows, columns, 1], `nchw` [1, rows, columns].'
}))

const augment = Type.Optional(Type.String({
  description: `Changes the u8 images at random, before they are normalized; of the split \`train\` only. Commas separate \`name:strength\` pairs, applied in this order whatever theirs: ${augmentationNames.map(name => `\`${name}\` 0 to ${limits[name].maximum} (${limits[name].unit})`).join(', ')}. What a sample becomes depends on seed, epoch (each 0 unless it is given) and its id alone.`,
  examples: ['rotate:15,shift:2', 'scale:0.1,elastic:34,noise:10,cutout:8']
}))

const pad = Type.Optional(Type.Integer({ enum: [32], description: 'Pads 28×28 images to 32×32 with levels of 0, before they are normalized; the mean image is 0 there.' }))

function format (names: readonly string[]) {
  return Type.Optional(Type.Enum([...names], { description: 'Format of the answer; without it the Accept header decides.' }))
}

const strict = { additionalProperties: false } as const

const U32 = 0xffffffff
const seed = Type.Integer({ minimum: 0, maximum: U32 })
const epoch = Type.Integer({ minimum: 0, maximum: U32, default: defaults.epoch })
const MAX_WORLD_SIZE = 65536

/** For resources that take no parameters, so that one that is given is an error. */
export const NoQuery = Type.Object({}, strict)

export const VersionQuery = Type.Object({ version }, strict)

export const MeanQuery = Type.Object({ format: format(['json', 'npy', 'png']), version }, strict)

export const SampleQuery = Type.Object({
  normalization,
  dtype,
  layout,
  augment,
  seed: Type.Optional({ ...seed, description: 'Seed of the random numbers of `augment`, with which alone it goes; without it, 0.' }),
  epoch: Type.Optional({ ...epoch, description: 'Which epoch of the seed. Goes with `seed` only.' }),
  pad,
  format: format(['json', 'png']),
  version
}, strict)

const labels = Type.Optional(Type.Enum([...labelEncodings], { default: defaults.labels, description: '`onehot` float32 rows, or `index` int64 class numbers.' }))

/** For batches, one or a stream of them. */
export function BatchQuery (formats: readonly string[], maxBatchSize: number) {
  return Type.Object({
    page: Type.Optional(Type.Integer({ minimum: 0, default: defaults.page, description: 'Which page, from 0; a stream starts with it.' })),
    batch_size: Type.Optional(Type.Integer({ minimum: 1, maximum: maxBatchSize, default: defaultBatchSize(maxBatchSize), description: 'Samples of a page; the last page may have fewer.' })),
    seed: Type.Optional({ ...seed, description: 'Shuffles the split: the same seed and epoch give the same order everywhere. Without it the order is the natural one.' }),
    epoch: Type.Optional({ ...epoch, description: 'Which epoch of the seed; each has an order of its own. Goes with `seed` only.' }),
    rank: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_WORLD_SIZE - 1, default: defaults.rank, description: 'Which of the `world_size` shards, from 0.' })),
    world_size: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_WORLD_SIZE, default: defaults.world_size, description: 'Shards that share a page: page p covers the positions p·batch_size·world_size and on, and rank r gets the r-th run of batch_size.' })),
    remainder: Type.Optional(Type.Enum([...remainders], { default: defaults.remainder, description: 'The samples that do not fill a last page for every rank: `keep` (short or empty pages), `drop`, or `pad` (filled from the start of the order; `mask` tells).' })),
    normalization,
    dtype,
    labels,
    layout,
    augment,
    pad,
    format: format(formats),
    version
  }, strict)
}

/** How samples that are named are to be prepared and sent. */
export function GatherQuery (formats: readonly string[]) {
  return Type.Object({ normalization, dtype, labels, layout, format: format(formats), version }, strict)
}

export function GatherRequest (maxBatchSize: number) {
  return Type.Object({
    ids: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, maxItems: maxBatchSize, description: 'Positions of samples in the split, in any order, any of them any number of times.', examples: [[3, 1, 2, 1]] })
  }, strict)
}

const Shape = Type.Array(Type.Integer(), { description: 'Lengths of the dimensions, outermost first.' })
const Identity = {
  dataset: Type.String(),
  version: Type.String({ description: '16 hexadecimal digits that stand for the data, the settings and the algorithm.' })
}
const Dtype = Type.String({ description: 'Element type, as NumPy calls it.' })
const Nested = Type.Array(Type.Unknown(), { description: 'Numbers, nested as the shape says. Each parses back to exactly its value in `dtype`.' })

const Changed = {
  augment: Type.Optional(Type.String({ description: 'The augmentations that were asked for, in the order in which they were applied.' })),
  pad: Type.Optional(Type.Integer({ description: 'Side of the square that images are padded to, where they are.' }))
}

const ProgressBody = Type.Object({
  stage: Type.String({ description: '`acquire` or `prepare`.' }),
  item: Type.String(),
  done: Type.Number(),
  total: Type.Number(),
  rate: Type.Optional(Type.Number({ description: 'Of a download: bytes a second.' })),
  remaining: Type.Optional(Type.Number({ description: 'Seconds that the rest of a download will take at that rate.' }))
}, { description: 'How far loading is: bytes of a file, or samples.' })

export const Health = Type.Object({ status: Type.Literal('ok') })

export const Readiness = Type.Object({
  status: Type.Enum(['ready', 'loading', 'failed']),
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    status: Type.Enum(['ready', 'loading', 'failed']),
    progress: Type.Optional(ProgressBody),
    reason: Type.Optional(Type.String())
  }))
})

export const DatasetList = Type.Object({
  datasets: Type.Array(Type.Object({
    name: Type.String(),
    title: Type.String(),
    status: Type.Enum(['ready', 'loading', 'failed']),
    version: Type.Optional(Type.String()),
    progress: Type.Optional(ProgressBody),
    reason: Type.Optional(Type.String({ description: 'Why it failed.' })),
    url: Type.String()
  })),
  limits: Type.Object({ default_batch_size: Type.Integer(), max_batch_size: Type.Integer() }),
  formats: Type.Array(Type.Object({ name: Type.String(), media_type: Type.String() }))
})

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
  seed: Type.Optional(Type.Integer({ description: 'With `epoch`, where the sample is augmented.' })),
  epoch: Type.Optional(Type.Integer()),
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
  ...Tensors
})

export const StreamLines = Type.String({ description: 'Lines of JSON: each a batch, the last one `{"end":true}` with the number of `pages` and `samples` that were sent.' })

export const Problem = Type.Object({
  type: Type.String({ description: 'Stable identifier of the kind of problem.' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ parameter: Type.String(), detail: Type.String(), allowed: Type.String() })))
}, { $id: 'Problem', additionalProperties: true, description: 'Problem details, RFC 9457.' })
