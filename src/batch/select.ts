import type { Batch, ElementType, Tensor, TensorData } from './batch.ts'
import type { Dtype, ImageSize, LabelEncoding, Layout, Normalization, PreparedDataset, SplitName } from '../dataset/entry.ts'
import { center } from '../dataset/center.ts'
import { frameOf } from './pad.ts'
import { halfCodebook, lookUpHalves } from './halves.ts'
import { pool } from '../io/buffer-pool.ts'
import { gathered, viewed } from './gather.ts'

export interface Selection {
  readonly split: SplitName
  /** Positions of the order: `count` from `start`, wrapping to 0 at its end; the first `real` of them are no padding. */
  readonly span: { readonly start: number, readonly count: number, readonly real: number }
  /** Samples of the split in the order asked for, any of them any number of times; undefined for the natural order. */
  readonly order: Uint32Array | undefined
  readonly normalization: Normalization
  /** `uint8` with `raw`, and only there. */
  readonly dtype: Dtype
  readonly labels: LabelEncoding
  readonly layout: Layout
  /** Whether a mask is to tell samples from padding. */
  readonly masked: boolean
  /** Side of the square that images are padded to; undefined for none. */
  readonly pad?: number | undefined
  /** u8 images to take the place of the stored ones, in the order of the selection. */
  readonly images?: Uint8Array | undefined
}

/**
 * The samples at the positions asked for. In the natural order labels, ids, raw and centered images are views; in any
 * other images and classes are gathered, each into one buffer of exactly its size, and one-hot labels are made anew. `unit`,
 * `standard` and all of float16 are looked up, level by level, and so is `centered` where images are padded or not the stored
 * ones.
 */
export function batch (dataset: PreparedDataset, selection: Selection): Batch {
  const { start, count, real } = selection.span
  const split = dataset.splits[selection.split]
  const inOrder = !selection.order && start + count <= split.count
  const ids = inOrder ? undefined : sampleIds(dataset, selection)
  const rows = ids ? gathered(split, ids) : viewed(split, start, start + count)
  // A batch may be kept for long: what it holds of an order is its own part.
  const own: Selection = ids ? { ...selection, order: ids, span: { start: 0, count, real } } : selection
  const { normalization, dtype, labels, layout, masked, pad, images: given } = own
  const size = dataset.rows * dataset.columns
  const frame = frameOf(dataset, pad)
  const classes = dataset.entry.classes.length
  const halves = dtype === 'float16' ? halfCodebook(dataset, normalization, frame) : undefined
  const asStored = !halves && !pad && !given
  return {
    images: tensor([count, ...imageShape(frame, layout)], dtype, images),
    stored: inOrder && asStored && (normalization === 'centered' || normalization === 'raw'),
    levels,
    codebook: halves ?? frame.codebooks[normalization],
    labels: labels === 'onehot' ? tensor([count, classes], 'float32', () => rows.onehot(classes)) : tensor([count], 'int64', rows.index),
    ids: tensor([count], 'int32', rows.ids),
    ...(masked && { mask: tensor([count], 'uint8', () => new Uint8Array(count).fill(1, 0, real)) }),
    slice: (from, to) => batch(dataset, {
      ...own,
      span: { start: own.span.start + from, count: to - from, real: Math.min(Math.max(real - from, 0), to - from) },
      images: given?.subarray(from * size, to * size)
    })
  }

  function levels (from: number, to: number): Uint8Array {
    const pixels = given?.subarray(from * size, to * size) ?? rows.images(split.images, size, from, to)
    const placed = frame.place(pixels)
    if (placed !== pixels) pool.giveBack(pixels.buffer)
    return placed
  }

  function images (): Float32Array | Uint16Array | Uint8Array {
    if (normalization === 'centered' && asStored) return rows.images(split.centered, size, 0, count)
    const pixels = levels(0, count)
    const values = valuesOf(pixels)
    if (values !== pixels) pool.giveBack(pixels.buffer)
    return values
  }

  function valuesOf (pixels: Uint8Array): Float32Array | Uint16Array | Uint8Array {
    if (halves) return lookUpHalves(pixels, halves)
    switch (normalization) {
      case 'raw': return pixels
      case 'centered': return center(pixels, dataset.levels.unit, frame.meanImage, pool.take(Float32Array, pixels.length))
      default: return lookUp(pixels, dataset.levels[normalization])
    }
  }
}

function tensor<Data extends TensorData> (shape: readonly number[], dtype: ElementType, make: () => Data): Tensor<Data> {
  return { shape, dtype, get data () { return make() } }
}

/** The shape of one image. */
export function imageShape ({ rows, columns }: ImageSize, layout: Layout): number[] {
  switch (layout) {
    case 'flat': return [rows * columns]
    case 'nhwc': return [rows, columns, 1]
    case 'nchw': return [1, rows, columns]
  }
}

/** The positions in the split of the samples that are asked for: u32 of their count. */
export function sampleIds ({ splits }: PreparedDataset, { split, span: { start, count }, order }: Pick<Selection, 'split' | 'span' | 'order'>): Uint32Array {
  const total = order ? order.length : splits[split].count
  if (order && start + count <= total) return order.slice(start, start + count)
  const ids = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const position = (start + i) % total
    ids[i] = order ? order[position]! : position
  }
  return ids
}

function lookUp (levels: Uint8Array, table: Float32Array): Float32Array {
  const values = pool.take(Float32Array, levels.length)
  for (let i = 0; i < levels.length; i++) values[i] = table[levels[i]!]!
  return values
}
