import type { ImageShape } from './image-shape.ts'

export const splitNames = ['train', 'val', 'test'] as const
export type SplitName = (typeof splitNames)[number]

/** One value per split, created in the order train, val, test. */
export function perSplit<T> (create: (name: SplitName) => T): Record<SplitName, T> {
  return { train: create('train'), val: create('val'), test: create('test') }
}

/** Labelled images. */
export interface Samples {
  readonly count: number
  /** u8 count·channels·rows·columns. */
  readonly images: Uint8Array
  /** u8 count. */
  readonly labels: Uint8Array
}

/** The decoded files of a dataset; their counts and shapes agree. */
export interface RawDataset {
  readonly shape: ImageShape
  readonly train: Samples
  /** Given if the dataset brings its own. */
  readonly val?: Samples
  readonly test: Samples
}
