/** In the order in which they are applied. */
export const augmentationNames = ['flip', 'rotate', 'shift', 'scale', 'elastic', 'noise', 'cutout'] as const

export type AugmentationName = (typeof augmentationNames)[number]

/** The strength of each requested augmentation. */
export type Augmentations = Readonly<Partial<Record<AugmentationName, number>>>

interface Limit {
  /** The largest strength; 0 changes nothing. */
  readonly maximum: number
  readonly integer?: true
  /** Meaning of the strength, for documentation. */
  readonly unit: string
}

export const limits: Readonly<Record<AugmentationName, Limit>> = {
  flip: { maximum: 1, unit: 'probability of a horizontal flip' },
  rotate: { maximum: 45, unit: 'degrees at most, either way' },
  shift: { maximum: 8, unit: 'pixels at most, in each direction' },
  scale: { maximum: 0.5, unit: 'change of size at most, as a fraction' },
  elastic: { maximum: 64, unit: 'displacement α, at σ = 4 pixels' },
  noise: { maximum: 64, unit: 'standard deviation in pixel levels' },
  cutout: { maximum: 16, integer: true, unit: 'side of the square in pixels' }
}
