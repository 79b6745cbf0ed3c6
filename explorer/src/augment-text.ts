import { augmentationNames, type AugmentationName } from '../../src/batch/augment/augmentations.ts'

type Strengths = Partial<Record<AugmentationName, number>>

/** The strengths of a valid `augment` parameter; invalid pairs are left out. */
export function augmentationsOf (text: string): Strengths {
  const strengths: Strengths = {}
  for (const pair of text.split(',')) {
    const [name, value] = pair.split(':')
    const known = augmentationNames.find(other => other === name)
    if (known && value !== undefined && !Number.isNaN(Number(value))) strengths[known] = Number(value)
  }
  return strengths
}

/** The parameter for these strengths, without those of 0. */
export function formatAugmentations (strengths: Strengths): string {
  return augmentationNames.filter(name => strengths[name]).map(name => `${name}:${strengths[name]}`).join(',')
}
