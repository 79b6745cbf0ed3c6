/** How a dataset is loaded and prepared: the values of each setting, and the settings that a version identifies. */

export const splitModes = ['contiguous', 'shuffled', 'stratified'] as const
export const meanScopes = ['train', 'train+val'] as const
export const denoisers = ['none', 'median3', 'gaussian'] as const
export const sourceNames = ['folder', 'embedded', 'mirrors', 'openml'] as const
export const backendChoices = ['auto', 'tensorflow', 'wasm', 'cpu'] as const

export type SplitMode = (typeof splitModes)[number]
/** Splits that the mean image averages. */
export type MeanScope = (typeof meanScopes)[number]
export type Denoiser = (typeof denoisers)[number]
/** A kind of source that files come from. */
export type SourceName = (typeof sourceNames)[number]
export type BackendChoice = (typeof backendChoices)[number]
export type BackendName = Exclude<BackendChoice, 'auto'>

export interface SplitSettings {
  readonly mode: SplitMode
  /** Share of the training samples that becomes `val`: at least 0, below 1. */
  readonly valFraction: number
  /** Unsigned 32-bit seed of `shuffled` and `stratified`. */
  readonly seed: number
}

export interface PrepareSettings {
  readonly denoise: Denoiser
  readonly meanOver: MeanScope
}
