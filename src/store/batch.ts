import type { Batch, LabelEncoding, Layout, Normalization, PreparedDataset, SplitName } from '../dataset.ts'

export interface Selection {
  readonly split: SplitName
  /** Positions [start, end) of the split's natural order. */
  readonly start: number
  readonly end: number
  readonly normalization: Normalization
  readonly labels: LabelEncoding
  readonly layout: Layout
}

/**
 * The samples at the positions asked for. Labels, ids, raw and centered images are views; `unit` and `standard` are looked
 * up, level by level, into one buffer of exactly their size.
 */
export function batch (dataset: PreparedDataset, { split: name, start, end, normalization, labels, layout }: Selection): Batch {
  const split = dataset.splits[name]
  const size = dataset.rows * dataset.columns
  const classes = dataset.entry.classes.length
  const levels = split.images.subarray(start * size, end * size)
  return {
    images: { shape: [end - start, ...imageShape(dataset, layout)], data: images() },
    levels,
    codebook: dataset.codebooks[normalization],
    labels: labels === 'onehot'
      ? { shape: [end - start, classes], data: split.onehot.subarray(start * classes, end * classes) }
      : { shape: [end - start], data: split.index.subarray(start, end) },
    ids: { shape: [end - start], data: split.ids.subarray(start, end) }
  }

  function images (): Float32Array | Uint8Array {
    switch (normalization) {
      case 'raw': return levels
      case 'centered': return split.centered.subarray(start * size, end * size)
      default: return lookUp(levels, dataset.levels[normalization])
    }
  }
}

/** The shape of one image. */
export function imageShape ({ rows, columns }: { readonly rows: number, readonly columns: number }, layout: Layout): number[] {
  switch (layout) {
    case 'flat': return [rows * columns]
    case 'nhwc': return [rows, columns, 1]
    case 'nchw': return [1, rows, columns]
  }
}

function lookUp (levels: Uint8Array, table: Float32Array): Float32Array {
  const values = new Float32Array(levels.length)
  for (let i = 0; i < levels.length; i++) values[i] = table[levels[i]!]!
  return values
}
