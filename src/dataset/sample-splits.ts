/** Labelled images, before and after they are divided into splits. */

export const splitNames = ['train', 'val', 'test'] as const
export type SplitName = (typeof splitNames)[number]

/** One value per split, created in the order train, val, test. */
export function perSplit<T> (create: (name: SplitName) => T): Record<SplitName, T> {
  return { train: create('train'), val: create('val'), test: create('test') }
}

export interface ImageSize {
  readonly rows: number
  readonly columns: number
}

/** Labelled grayscale images in C order. */
export interface Samples {
  readonly count: number
  /** u8 count·rows·columns. */
  readonly images: Uint8Array
  /** u8 count. */
  readonly labels: Uint8Array
}

/** The decoded files of a dataset; their counts and image sizes agree. */
export interface RawDataset extends ImageSize {
  readonly train: Samples
  readonly test: Samples
}
