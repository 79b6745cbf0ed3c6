import type { ImageShape } from '../dataset/image-shape.ts'
import type { SplitName } from '../dataset/sample-splits.ts'

/** What a map is computed from. */
export interface MapInput {
  readonly shape: ImageShape
  /** u8 images, count·channels·rows·columns, and labels, count. */
  readonly splits: Readonly<Record<SplitName, { readonly images: Uint8Array, readonly labels: Uint8Array }>>
}
