import { Type } from 'typebox'
import { augmentationNames, limits } from '../../../batch/augment/augmentations.ts'
import { dtypes, labelEncodings, layouts, normalizations, remainders } from '../../../dataset/entry.ts'
import { defaultBatchSize, defaults } from './defaults.ts'

/** What may be asked of each resource: a parameter that is not here is an error. */

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

/** What may be done to the images of samples that are named. */
const changes = {
  augment,
  seed: Type.Optional({ ...seed, description: 'Seed of the random numbers of `augment`, with which alone it goes; without it, 0.' }),
  epoch: Type.Optional({ ...epoch, description: 'Which epoch of the seed. Goes with `seed` only.' }),
  pad
}

export const SampleQuery = Type.Object({
  normalization,
  dtype,
  layout,
  ...changes,
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
  return Type.Object({ normalization, dtype, labels, layout, ...changes, format: format(formats), version }, strict)
}

/** Which samples are named. */
export function GatherRequest (maxBatchSize: number) {
  return Type.Object({
    ids: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1, maxItems: maxBatchSize, description: 'Positions of samples in the split, in any order, any of them any number of times.', examples: [[3, 1, 2, 1]] })
  }, strict)
}
