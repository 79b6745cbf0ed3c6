import { augmentationNames, limits, type AugmentationName, type Augmentations } from './augmentations.ts'

/** Plain decimals with at most six places. */
const STRENGTH = /^(0|[1-9]\d*)(\.\d{1,6})?$/

/** What `parseAugmentations` takes, in words that end a sentence. */
export const allowedAugmentations = `name:strength pairs separated by commas, each name once: ${augmentationNames.map(describeLimit).join(', ')}`

/** Augmentations as text says them, up to where something is wrong with it. */
export interface Parsed {
  readonly augmentations: Augmentations
  readonly fault?: string
}

/** Reads `rotate:15,shift:2`. */
export function parseAugmentations (text: string): Parsed {
  const augmentations: Partial<Record<AugmentationName, number>> = {}
  const faulty = (fault: string): Parsed => ({ augmentations, fault })
  for (const pair of text.split(',')) {
    const [given, strength, ...rest] = pair.split(':')
    const name = augmentationNames.find(known => known === given)
    if (strength === undefined || rest.length > 0) return faulty(`'${pair}' is not name:strength`)
    if (!name) return faulty(`there is no augmentation '${given}'`)
    if (augmentations[name] !== undefined) return faulty(`${name} is given twice`)
    const { maximum, integer } = limits[name]
    if (!STRENGTH.test(strength) || Number(strength) > maximum || (integer && !Number.isInteger(Number(strength)))) {
      return faulty(`the strength of ${name} must be ${integer ? 'an integer' : 'a number'} from 0 to ${maximum}, got '${strength}'`)
    }
    augmentations[name] = Number(strength)
  }
  return { augmentations }
}

/** The one text of augmentations, however they were written: in the order in which they are applied. */
export function canonicalText (augmentations: Augmentations): string {
  return augmentationNames.filter(name => augmentations[name] !== undefined).map(name => `${name}:${augmentations[name]}`).join(',')
}

function describeLimit (name: AugmentationName): string {
  const { maximum, integer } = limits[name]
  return `${name}:0 to ${maximum}${integer ? ' (an integer)' : ''}`
}
