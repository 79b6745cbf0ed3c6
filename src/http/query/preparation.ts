import type { Augmentation } from '../../batch/augment/augment-batch.ts'
import { allowedAugmentations, canonicalText, parseAugmentations } from '../../batch/augment/parse.ts'
import type { Selection } from '../../batch/batch.ts'
import type { Dtype } from '../../batch/options.ts'
import { sampleKey } from '../../dataset/order.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import { defaults } from '../openapi/schemas/batch-fields.ts'
import type { BatchParameters, SampleParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertNoErrors } from './query-errors.ts'

/** How samples are normalized, encoded and laid out. */
export type Preparation = Pick<Selection, 'normalization' | 'dtype' | 'labels' | 'layout'>

type PreparationQuery = Pick<BatchParameters, keyof Preparation>

/** Magnitudes from here on round to infinity as float16. */
const FLOAT16_OVERFLOW = 65520

/** @throws ServiceError invalid_parameter if the normalization does not have the dtype */
export function resolvePreparation (query: PreparationQuery, { levels }: Pick<PreparedDataset, 'levels'>): Preparation {
  const { normalization = defaults.normalization, labels = defaults.labels, layout = defaults.layout } = query
  const isLarge = normalization === 'standard' && largestMagnitude(levels.standard) >= FLOAT16_OVERFLOW
  const dtypes: readonly Dtype[] = normalization === 'raw' ? ['uint8'] : isLarge ? ['float32'] : ['float32', 'float16']
  const { dtype = dtypes[0]! } = query
  if (!dtypes.includes(dtype)) {
    const reason = isLarge ? ' and exceeds float16, as σ is tiny' : ''
    const allowed = `${dtypes.join(' or ')} where normalization is ${normalization}${reason}`
    assertNoErrors([{ parameter: 'dtype', detail: `dtype must be ${allowed}, got '${dtype}'`, allowed }])
  }
  return { normalization, dtype, labels, layout }
}

function largestMagnitude (values: Float32Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
}

/** The parameters that change images before normalization. */
export type ImageQuery = Pick<SampleParameters, 'augment' | 'pad' | 'seed' | 'epoch'>

export interface RequestedAugmentation extends Augmentation {
  /** The canonical form of the parameter: the same for the same augmentations. */
  readonly text: string
}

/**
 * The requested augmentation, with seed 0 by default.
 *
 * @throws ServiceError invalid_parameter
 */
export function resolveAugmentation (
  { augment, seed = 0, epoch = defaults.epoch }: ImageQuery,
  split: SplitName
): RequestedAugmentation | undefined {
  if (augment === undefined) return undefined
  if (split !== 'train') {
    const detail = `augment is only available for the split train, not for ${split}`
    assertNoErrors([{ parameter: 'augment', detail, allowed: 'nothing with splits other than train' }])
  }
  const { augmentations, fault } = parseAugmentations(augment)
  if (fault !== undefined) {
    const detail = `augment must be ${allowedAugmentations}; ${fault}`
    assertNoErrors([{ parameter: 'augment', detail, allowed: allowedAugmentations }])
  }
  return { augmentations, text: canonicalText(augmentations), key: sampleKey(seed, epoch) }
}

/**
 * The requested augmentation of individual samples, for which seed and epoch have no other use.
 *
 * @throws ServiceError invalid_parameter
 */
export function resolveSampleAugmentation (query: ImageQuery, split: SplitName): RequestedAugmentation | undefined {
  if (query.augment === undefined) {
    const { seed, epoch = defaults.epoch } = query
    const unused = [...(seed !== undefined ? ['seed'] : []), ...(epoch !== defaults.epoch ? ['epoch'] : [])]
    assertNoErrors(unused.map(parameter => ({
      parameter,
      detail: `${parameter} requires augment: without it, nothing is random`,
      allowed: 'nothing without augment'
    })))
  }
  return resolveAugmentation(query, split)
}

/** @throws ServiceError invalid_parameter if images are larger than the requested padded size */
export function assertPaddable ({ pad }: ImageQuery, { shape: { rows, columns } }: PreparedDataset): void {
  if (pad === undefined || Math.max(rows, columns) <= pad) return
  const detail = `images of ${rows}×${columns} cannot be padded to ${pad}×${pad}`
  assertNoErrors([{ parameter: 'pad', detail, allowed: 'nothing for images this large' }])
}
