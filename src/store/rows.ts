import type { PreparedSplit } from '../dataset.ts'
import { pool } from '../pool.ts'

/** The same samples of a split, of whatever is asked for. */
export interface Rows {
  /** Images of `size` pixels. */
  images<Data extends Float32Array | Uint8Array> (all: Data, size: number): Data
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
    images: (all, size) => all.subarray(start * size, end * size) as typeof all,
    onehot: classes => split.onehot.subarray(start * classes, end * classes),
    index: () => split.index.subarray(start, end),
    ids: () => split.ids.subarray(start, end)
  }
}

/** These samples: each array is gathered into one buffer of exactly its size. */
export function gathered (split: PreparedSplit, ids: Uint32Array): Rows {
  return {
    images (all, size) {
      const rows = taken(all.constructor as Make<typeof all>, ids.length * size)
      for (let i = 0; i < ids.length; i++) rows.set(all.subarray(ids[i]! * size, (ids[i]! + 1) * size), i * size)
      return rows
    },
    onehot (classes) {
      const rows = taken(Float32Array, ids.length * classes).fill(0)
      for (let i = 0; i < ids.length; i++) rows[i * classes + split.labels[ids[i]!]!] = 1
      return rows
    },
    index () {
      const labels = taken(BigInt64Array, ids.length)
      for (let i = 0; i < ids.length; i++) labels[i] = split.index[ids[i]!]!
      return labels
    },
    // A sample's id is its position; copied, so that no page holds the whole order.
    ids: () => new Int32Array(ids)
  }
}

type Make<Data> = { new (buffer: ArrayBuffer, start: number, length: number): Data, readonly BYTES_PER_ELEMENT: number }

/** What is in it is undefined: every element is to be written. */
function taken<Data> (Elements: Make<Data>, length: number): Data {
  return new Elements(pool.take(length * Elements.BYTES_PER_ELEMENT), 0, length)
}
