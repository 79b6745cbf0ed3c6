import type { IdxType } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'

/** An IDX array in C order. */
export interface IdxArray {
  readonly dimensions: readonly number[]
  /** uint8 as a view of the file's bytes, int32 as a copy in this machine's byte order. */
  readonly data: Uint8Array | Int32Array
}

/** Type code, bytes per element and name of each supported element type. */
const types: Readonly<Record<IdxType, { readonly code: number, readonly size: number, readonly name: string }>> = {
  uint8: { code: 0x08, size: 1, name: 'unsigned bytes' },
  int32: { code: 0x0c, size: 4, name: '32-bit integers' }
}

/**
 * Parses an IDX file (http://yann.lecun.com/exdb/mnist/, "The IDX file format"):
 *
 *     0   u16  0
 *     2   u8   type: 0x08 uint8, 0x0c int32
 *     3   u8   number of dimensions
 *     4   u32  each dimension, big-endian
 *     …        data, the last dimension varying fastest, big-endian
 *
 * Allocates nothing based on the header alone.
 *
 * @param type required element type
 * @throws ServiceError invalid_file: wrong magic number, an inner dimension of 0, or a length that differs from the
 * header's
 */
export function parseIdx (bytes: Uint8Array, type: IdxType = 'uint8'): IdxArray {
  const { code, size, name } = types[type]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0 || view.getUint8(2) !== code) {
    const [found, expected] = [bytes.subarray(0, 4), Uint8Array.of(0, 0, code)].map(hex)
    throw invalid(`is not IDX of ${name}: starts with ${found}, expected ${expected}`)
  }
  const rank = view.getUint8(3)
  const start = headerLength(rank)
  if (rank === 0 || bytes.length < start) {
    throw invalid(`has an IDX header of ${rank} dimensions in ${bytes.length} bytes`)
  }
  const dimensions = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  // No samples are an empty file; samples without content have no use, and no end for loops that count their bytes.
  if (dimensions.slice(1).includes(0)) {
    throw invalid(`has an IDX header of ${dimensions.join('×')}: nothing in each row`)
  }
  const length = product(dimensions)
  if (bytes.length - start !== length * size) {
    const expected = `${dimensions.join('×')} = ${length}${size > 1 ? ` of ${size} bytes` : ''}`
    throw invalid(`has ${bytes.length - start} bytes of data, but its IDX header says ${expected}`)
  }
  if (type === 'uint8') return { dimensions, data: bytes.subarray(start) }
  const data = new Int32Array(length)
  for (let i = 0; i < length; i++) data[i] = view.getInt32(start + size * i)
  return { dimensions, data }
}

/** Encodes an IDX file of unsigned bytes. */
export function encodeIdx (dimensions: readonly number[], data: Uint8Array): Uint8Array {
  const start = headerLength(dimensions.length)
  const file = new Uint8Array(start + data.length)
  const view = new DataView(file.buffer)
  view.setUint32(0, types.uint8.code << 8 | dimensions.length)
  dimensions.forEach((dimension, axis) => view.setUint32(4 + 4 * axis, dimension))
  file.set(data, start)
  return file
}

/** Bytes of an IDX file with these dimensions. */
export function idxByteLength (dimensions: readonly number[], type: IdxType = 'uint8'): number {
  return headerLength(dimensions.length) + product(dimensions) * types[type].size
}

function headerLength (rank: number): number {
  return 4 + 4 * rank
}

function product (dimensions: readonly number[]): number {
  return dimensions.reduce((product, dimension) => product * dimension, 1)
}

function hex (bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing'
}

function invalid (reason: string): ServiceError {
  return new ServiceError('invalid_file', reason)
}
