import { assertRank, detectRank, type Rank } from './ranks.js'
import type { Tensor } from './safetensors.js'
import type { components, paths } from './schema.js'
import { abortSignal, assertOptions, choice, flag, integer, text, type Rules } from './validate.js'

export type Query = NonNullable<paths['/v1/datasets/{dataset}/splits/{split}/batches']['get']['parameters']['query']>
export type Remainder = NonNullable<Query['remainder']>
export type SplitName = components['schemas']['Batch']['split']

/** How images and labels are prepared. */
export interface SampleOptions {
  /** `standard` by default. */
  readonly normalization?: NonNullable<Query['normalization']> | undefined
  /** `float32` by default; `uint8` for `raw` images. */
  readonly dtype?: NonNullable<Query['dtype']> | undefined
  /** `nchw` by default. */
  readonly layout?: NonNullable<Query['layout']> | undefined
  readonly augment?: string | undefined
  readonly pad?: NonNullable<Query['pad']> | undefined
  /** Shuffles each epoch, and is part of the random numbers of `augment`; the order is natural by default. */
  readonly seed?: number | undefined
  /** The first epoch; 0 by default. */
  readonly epoch?: number | undefined
  /** Ends requests and iterations with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface GatherOptions extends SampleOptions {
  /** `index` by default. */
  readonly labels?: NonNullable<Query['labels']> | undefined
}

export interface EpochOptions extends GatherOptions {
  /** Samples per batch and rank; 128 by default. */
  readonly batchSize?: number | undefined
  /** `auto` by default: from the environment of torchrun, Slurm or Open MPI, otherwise a single rank. */
  readonly rank?: number | 'auto' | undefined
  readonly worldSize?: number | 'auto' | undefined
  /** `keep` by default; with several ranks and a seed `drop`, so that all ranks get equal numbers of batches. */
  readonly remainder?: Remainder | undefined
  /** Allows `keep` to give ranks different numbers of batches. */
  readonly unevenRanks?: boolean | undefined
  /** Whether an iteration that is broken off is followed by the next epoch instead of the same one. */
  readonly advanceOnBreak?: boolean | undefined
  /** Batches that are requested before they are needed; 4 by default. */
  readonly prefetch?: number | undefined
}

/** Makes options that do not exist an error where the type of the others is inferred. */
export type Exact<Options, Known> = Options & { readonly [name in Exclude<keyof Options, keyof Known>]: never }

type Value<Options, Name> = Name extends keyof Options ? Options[Name] : undefined

type ImagesBy<Dtype, Normalization> =
  Dtype extends 'float16' ? Uint16Array :
    Dtype extends 'uint8' ? Uint8Array :
      Dtype extends 'float32' ? Float32Array :
        Normalization extends 'raw' ? Uint8Array : Float32Array
type LabelsBy<Labels> = Labels extends 'onehot' ? Float32Array : BigInt64Array
type MaskBy<Remainder> = Remainder extends 'pad' ? Tensor<Uint8Array> : undefined

/** The types of a batch with these options. */
export type Images<Options> = ImagesBy<Value<Options, 'dtype'>, Value<Options, 'normalization'>>
export type Labels<Options> = LabelsBy<Value<Options, 'labels'>>
export type Mask<Options> = MaskBy<Value<Options, 'remainder'>>

export type AnyImages = Float32Array | Uint16Array | Uint8Array
export type AnyLabels = Float32Array | BigInt64Array
export type AnyMask = Tensor<Uint8Array> | undefined

/** The tensors of a batch. */
export interface BatchTensors<
  Images extends AnyImages = AnyImages, Labels extends AnyLabels = AnyLabels, Mask extends AnyMask = AnyMask
> {
  readonly images: Tensor<Images>
  readonly labels: Tensor<Labels>
  readonly ids: Tensor<Int32Array>
  readonly mask: Mask
}

const LARGEST_U32 = 2 ** 32 - 1

const sampleRules: Rules<SampleOptions> = {
  normalization: choice('centered', 'unit', 'standard', 'raw'),
  dtype: choice('float32', 'float16', 'uint8'),
  layout: choice('flat', 'nhwc', 'nchw'),
  augment: text,
  pad: choice(32),
  seed: integer(0, LARGEST_U32),
  epoch: integer(0, LARGEST_U32),
  signal: abortSignal
}

const gatherRules: Rules<GatherOptions> = { ...sampleRules, labels: choice('onehot', 'index') }

const epochRules: Rules<EpochOptions> = {
  ...gatherRules,
  batchSize: integer(1),
  rank: integer(0, 65535, 'auto'),
  worldSize: integer(1, 65536, 'auto'),
  remainder: choice('keep', 'drop', 'pad'),
  unevenRanks: flag,
  advanceOnBreak: flag,
  prefetch: integer(0)
}

const suggestions = {
  epochs: 'each iteration is one epoch. Write: while (train.epoch < 3) for await (const batch of train) …'
}

export interface ResolvedEpochOptions extends Omit<EpochOptions, 'rank' | 'worldSize'>, Rank {
  readonly batchSize: number
  readonly epoch: number
  readonly remainder: Remainder
  readonly prefetch: number
}

/** @throws TypeError, RangeError naming the option and its allowed values */
export function assertSampleOptions (options: unknown): asserts options is SampleOptions {
  assertOptions(options, sampleRules)
  assertDtype(options)
}

/** @throws TypeError, RangeError naming the option and its allowed values */
export function assertGatherOptions (options: unknown): asserts options is GatherOptions {
  assertOptions(options, gatherRules)
  assertDtype(options)
}

/** @throws TypeError, RangeError naming the option and its allowed values */
export function resolveEpochOptions (options: unknown): ResolvedEpochOptions {
  assertOptions(options, epochRules, suggestions)
  assertDtype(options)
  const { rank: givenRank = 'auto', worldSize: givenSize = 'auto', batchSize = 128, epoch = 0, prefetch = 4 } = options
  const { rank, worldSize } = resolveRank(givenRank, givenSize)
  const remainder = options.remainder ?? defaultRemainder(worldSize, options.seed)
  return { ...options, rank, worldSize, batchSize, epoch, prefetch, remainder }
}

function assertDtype ({ normalization, dtype }: SampleOptions): void {
  if (dtype === undefined || (dtype === 'uint8') === (normalization === 'raw')) return
  throw new RangeError(normalization === 'raw'
    ? `dtype must be 'uint8' with normalization 'raw', got '${dtype}'`
    : "dtype must be 'float32' or 'float16' without normalization 'raw', got 'uint8'")
}

function resolveRank (rank: number | 'auto', worldSize: number | 'auto'): Rank {
  if (rank === 'auto' && worldSize === 'auto') return detectRank()
  if (rank !== 'auto' && worldSize !== 'auto') return assertRank({ rank, worldSize })
  throw new RangeError(`rank and worldSize must both be numbers or both be 'auto', got ${rank} and ${worldSize}`)
}

/** Ranks that synchronize must get equal numbers of batches. */
function defaultRemainder (worldSize: number, seed: number | undefined): Remainder {
  if (worldSize === 1) return 'keep'
  if (seed !== undefined) return 'drop'
  throw new RangeError(
    `with ${worldSize} ranks and no seed, the same samples would be left out of every epoch: pass remainder: 'pad' ` +
    "and use the mask (exact evaluation), remainder: 'drop', or rank: 0, worldSize: 1 for all samples in each process"
  )
}

/** The parameters of `batches` and `gather`: what differs from the server's defaults is always given. */
export function sampleQuery (options: SampleOptions & GatherOptions): Partial<Query> {
  const { normalization = 'standard', dtype, labels = 'index', layout = 'nchw', augment, pad } = options
  return { normalization, dtype, labels, layout, augment, pad } as Partial<Query>
}
