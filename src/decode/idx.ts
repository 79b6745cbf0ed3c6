import type { IdxType } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'

/** An IDX array in C order. */
export interface IdxArray {
  readonly dimensions: readonly number[]
  /** Of unsigned bytes it is a view of the file's bytes; of int32 a copy, in this machine's order of bytes. */
  readonly data: Uint8Array | Int32Array
}

/** The type codes that are read, and bytes of an element. */
const types: Readonly<Record<IdxType, { readonly code: number, readonly size: number, readonly what: string }>> = {
  uint8: { code: 0x08, size: 1, what: 'unsigned bytes' },
  int32: { code: 0x0c, size: 4, what: '32-bit integers' }
}

/**
 * Reads an IDX file (http://yann.lecun.com/exdb/mnist/, "The IDX file format"):
 *
 *     0   u16  0
 *     2   u8   type, 0x08 for unsigned bytes, 0x0c for int32
 *     3   u8   number of dimensions
 *     4   u32  big-endian, one a dimension
 *     …   the data, the last dimension varying fastest, big-endian
 *
 * Nothing is allocated by what the header claims.
 *
 * @param type that the file must have
 * @throws ServiceError invalid_file: wrong magic, or a length that differs from what the header says
 */
export function parseIdx (bytes: Uint8Array, type: IdxType = 'uint8'): IdxArray {
  const { code, size, what } = types[type]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0 || view.getUint8(2) !== code) {
    throw new ServiceError('invalid_file', `is not IDX of ${what}: starts with ${hex(bytes.subarray(0, 4))}, expected ${hex(Uint8Array.of(0, 0, code))}`)
  }
  const rank = view.getUint8(3)
  const start = 4 + 4 * rank
  if (rank === 0 || bytes.length < start) {
    throw new ServiceError('invalid_file', `has an IDX header of ${rank} dimensions in ${bytes.length} bytes`)
  }
  const dimensions = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const length = product(dimensions)
  if (bytes.length - start !== length * size) {
    throw new ServiceError('invalid_file', `has ${bytes.length - start} bytes of data where its IDX header says ${dimensions.join('×')} = ${length}${size > 1 ? ` of ${size} bytes` : ''}`)
  }
  return { dimensions, data: type === 'uint8' ? bytes.subarray(start) : Int32Array.from({ length }, (_, i) => view.getInt32(start + size * i)) }
}

/** Bytes of an IDX file with these dimensions. */
export function idxByteLength (dimensions: readonly number[], type: IdxType = 'uint8'): number {
  return product(dimensions) * types[type].size + 4 + 4 * dimensions.length
}

function product (dimensions: readonly number[]): number {
  return dimensions.reduce((product, dimension) => product * dimension, 1)
}

function hex (bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing'
}
