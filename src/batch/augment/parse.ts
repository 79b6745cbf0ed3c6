import { abbreviate } from '../../errors.ts'
import { augmentationNames, limits, type AugmentationName, type Augmentations } from './augmentations.ts'

/** Plain decimals with at most six places. */
const STRENGTH = /^(0|[1-9]\d*)(\.\d{1,6})?$/

/** The syntax that `parseAugmentations` accepts, as the end of a sentence. */
export const allowedAugmentations = 'name:strength pairs separated by commas, each name once: ' +
  augmentationNames.map(describeLimit).join(', ')

export interface ParsedAugmentations {
  /** All pairs before the first fault. */
  readonly augmentations: Augmentations
  readonly fault?: string
}

/** Parses `rotate:15,shift:2`. */
export function parseAugmentations (text: string): ParsedAugmentations {
  const augmentations: Partial<Record<AugmentationName, number>> = {}
  for (const pair of text.split(',')) {
    const [given, strength, ...rest] = pair.split(':')
    const name = augmentationNames.find(known => known === given)
    if (strength === undefined || rest.length > 0) {
      return { augmentations, fault: `'${abbreviate(pair)}' is not name:strength` }
    }
    if (!name) return { augmentations, fault: `there is no augmentation '${abbreviate(given!)}'` }
    if (augmentations[name] !== undefined) return { augmentations, fault: `${name} is given twice` }
    const { maximum, integer } = limits[name]
    const value = Number(strength)
    if (!STRENGTH.test(strength) || value > maximum || (integer && !Number.isInteger(value))) {
      const range = `${integer ? 'an integer' : 'a number'} from 0 to ${maximum}`
      return { augmentations, fault: `the strength of ${name} must be ${range}, got '${abbreviate(strength)}'` }
    }
    augmentations[name] = value
  }
  return { augmentations }
}

/** The same text for the same augmentations, in the order in which they are applied. */
export function canonicalText (augmentations: Augmentations): string {
  return augmentationNames
    .filter(name => augmentations[name] !== undefined)
    .map(name => `${name}:${augmentations[name]}`)
    .join(',')
}

function describeLimit (name: AugmentationName): string {
  const { maximum, integer } = limits[name]
  return `${name}:0 to ${maximum}${integer ? ' (an integer)' : ''}`
}
