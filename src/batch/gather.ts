import type { PreparedSplit } from '../dataset/entry.ts'
import { pool } from '../io/buffer-pool.ts'

/** The same samples of a split, of whatever is asked for. */
export interface Rows {
  /** Those from `start` up to but not including `end` of them, as images of `size` pixels. */
  images<Data extends Float32Array | Uint8Array> (all: Data, size: number, start: number, end: number): Data
  /** float32 count·classes. */
  onehot (classes: number): Float32Array
  /** int64 count. */
  index (): BigInt64Array
  /** int32 count. */
  ids (): Int32Array
}

/** The samples from `start` up to but not including `end`: views. */
export function viewed (split: PreparedSplit, start: number, end: number): Rows {
  return {
    images: (all, size, from, to) => all.subarray((start + from) * size, (start + to) * size) as typeof all,
    onehot: classes => split.onehot.subarray(start * classes, end * classes),
    index: () => split.index.subarray(start, end),
    ids: () => split.ids.subarray(start, end)
  }
}

/** These samples: images and classes are gathered, each into one buffer of exactly its size. */
export function gathered (split: PreparedSplit, ids: Uint32Array): Rows {
  return {
    images (all, size, start, end) {
      const length = (end - start) * size
      const rows = (all instanceof Float32Array ? pool.take(Float32Array, length) : pool.take(Uint8Array, length)) as typeof all
      for (let i = start; i < end; i++) rows.set(all.subarray(ids[i]! * size, (ids[i]! + 1) * size), (i - start) * size)
      return rows
    },
    onehot (classes) {
      const rows = pool.take(Float32Array, ids.length * classes).fill(0)
      for (let i = 0; i < ids.length; i++) rows[i * classes + split.labels[ids[i]!]!] = 1
      return rows
    },
    index () {
      const labels = pool.take(BigInt64Array, ids.length)
      for (let i = 0; i < ids.length; i++) labels[i] = split.index[ids[i]!]!
      return labels
    },
    // A sample's id is its position.
    ids: () => new Int32Array(ids.buffer, ids.byteOffset, ids.length)
  }
}
