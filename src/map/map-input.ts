import type { SplitName } from '../dataset/sample-splits.ts'

/** What a map is computed from. */
export interface MapInput {
  readonly rows: number
  readonly columns: number
  /** u8 images, count·rows·columns, and labels, count. */
  readonly splits: Readonly<Record<SplitName, { readonly images: Uint8Array, readonly labels: Uint8Array }>>
}
