import type { Augmentation } from '../../batch/augment/augment-batch.ts'
import { allowedAugmentations, canonicalText, parseAugmentations } from '../../batch/augment/parse.ts'
import type { ImageSize, SplitName } from '../../dataset/entry.ts'
import { sampleKey } from '../../dataset/order.ts'
import { epochWithoutSeed } from './ordering.ts'
import { refuse } from './errors.ts'
import { defaults } from '../openapi/schemas/defaults.ts'

/** The parameters that change what images look like. */
export interface ImageQuery {
  readonly augment?: string
  readonly pad?: number
  readonly seed?: number
  readonly epoch?: number
}

export interface Augmenting extends Augmentation {
  /** However it was asked for, the same text for the same augmentations. */
  readonly text: string
}

/**
 * The augmentation that is asked for; without a seed, that of seed 0.
 *
 * @throws ServiceError invalid_parameter
 */
export function augmentingOf ({ augment, seed = 0, epoch = defaults.epoch }: ImageQuery, split: SplitName): Augmenting | undefined {
  if (augment === undefined) return undefined
  const { augmentations, fault } = parseAugmentations(augment)
  if (split !== 'train') {
    refuse([{ parameter: 'augment', detail: `augment is for training: it goes with the split train, not with ${split}`, allowed: 'nothing with splits other than train' }])
  }
  if (fault !== undefined) {
    refuse([{ parameter: 'augment', detail: `augment must be ${allowedAugmentations}; ${fault}`, allowed: allowedAugmentations }])
  }
  return { augmentations, text: canonicalText(augmentations), key: sampleKey(seed, epoch) }
}

/** @throws ServiceError invalid_parameter, where images are larger than what they are to be padded to */
export function refusePadding ({ pad }: ImageQuery, { rows, columns }: ImageSize): void {
  if (pad !== undefined && Math.max(rows, columns) > pad) {
    refuse([{ parameter: 'pad', detail: `images of ${rows}×${columns} cannot be padded to ${pad}×${pad}`, allowed: 'nothing for images this large' }])
  }
}

/**
 * The augmentation of samples that are named, by which alone a seed is used.
 *
 * @throws ServiceError invalid_parameter
 */
export function augmentingOfNamed (query: ImageQuery, split: SplitName): Augmenting | undefined {
  if (query.seed !== undefined && query.augment === undefined) {
    refuse([{ parameter: 'seed', detail: 'seed goes with augment, without which nothing is random', allowed: 'nothing without augment' }])
  }
  if (query.epoch !== undefined && query.seed === undefined) refuse([epochWithoutSeed])
  return augmentingOf(query, split)
}

/** What a sample or a batch of samples that are named says of how their images were changed: only what was asked for. */
export function namedMetadata (query: ImageQuery, augmenting: Augmenting | undefined): Record<string, string | number> {
  const { seed, epoch = defaults.epoch } = query
  return { ...(seed !== undefined && { seed, epoch }), ...imageMetadata(query, augmenting) }
}

/** What a page says of how its images were changed: only what was asked for. */
export function imageMetadata ({ pad }: ImageQuery, augmenting: Augmenting | undefined): Record<string, string | number> {
  return { ...(augmenting && { augment: augmenting.text }), ...(pad !== undefined && { pad }) }
}
