import type { Codebook, Dtype } from '../dataset/entry.ts'

/** A Uint16Array holds float16 (IEEE 754 binary16) as bits: Node.js 20 has no array of such numbers. */
export type TensorData = Float32Array | Uint16Array | Uint8Array | Int32Array | BigInt64Array

/** An element type, as NumPy calls it. */
export type ElementType = Dtype | 'int32' | 'int64'

/** A dense array in C order; `data` may be a view of what is kept for everybody, so it is never to be written to. */
export interface Tensor<Data extends TensorData = TensorData> {
  /** Outermost dimension first. */
  readonly shape: readonly number[]
  readonly dtype: ElementType
  readonly data: Data
}

/**
 * Samples of one split, as tensors whose first dimension is the sample. Data that is not stored is made each time that it is
 * looked at.
 */
export interface Batch {
  /** float32 or the bits of float16; u8 where the normalization is `raw`. */
  readonly images: Tensor<Float32Array | Uint16Array | Uint8Array>
  /** Whether the images are a view of what is kept for everybody. */
  readonly stored: boolean
  /** The u8 levels that the images from `start` up to but not including `end` are made of. */
  levels (start: number, end: number): Uint8Array
  /** The same object for all batches of a dataset that share a normalization and a dtype. */
  readonly codebook: Codebook
  readonly labels: Tensor<Float32Array | BigInt64Array>
  /** int32 positions in the split. */
  readonly ids: Tensor<Int32Array>
  /** u8, 1 for a sample and 0 for padding; only where padding was asked for. */
  readonly mask?: Tensor<Uint8Array>
  /**
   * The samples from `start` up to but not including `end`. They are gathered when they are asked for: who goes through a
   * large batch in slices never holds all of it.
   */
  slice (start: number, end: number): Batch
}
