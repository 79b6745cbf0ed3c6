import { ServiceError } from '../errors.ts'

/** An IDX array of unsigned bytes; `data` is a view of the file's bytes, in C order. */
export interface IdxArray {
  readonly dimensions: readonly number[]
  readonly data: Uint8Array
}

const UNSIGNED_BYTE = 0x08

/**
 * Reads an IDX file of unsigned bytes (http://yann.lecun.com/exdb/mnist/, "The IDX file format"):
 *
 *     0   u16  0
 *     2   u8   type, 0x08 for unsigned bytes
 *     3   u8   number of dimensions
 *     4   u32  big-endian, one a dimension
 *     …   the data, the last dimension varying fastest
 *
 * Nothing is allocated by what the header claims.
 *
 * @throws ServiceError invalid_file: wrong magic, or a length that differs from what the header says
 */
export function parseIdx (bytes: Uint8Array): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0 || view.getUint8(2) !== UNSIGNED_BYTE) {
    throw new ServiceError('invalid_file', `is not IDX of unsigned bytes: starts with ${hex(bytes.subarray(0, 4))}, expected 00 00 08`)
  }
  const rank = view.getUint8(3)
  const start = 4 + 4 * rank
  if (rank === 0 || bytes.length < start) {
    throw new ServiceError('invalid_file', `has an IDX header of ${rank} dimensions in ${bytes.length} bytes`)
  }
  const dimensions = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const size = dimensions.reduce((product, dimension) => product * dimension, 1)
  if (bytes.length - start !== size) {
    throw new ServiceError('invalid_file', `has ${bytes.length - start} bytes of data where its IDX header says ${dimensions.join('×')} = ${size}`)
  }
  return { dimensions, data: bytes.subarray(start) }
}

/** Bytes of an IDX file of unsigned bytes with these dimensions. */
export function idxByteLength (dimensions: readonly number[]): number {
  return dimensions.reduce((product, dimension) => product * dimension, 1) + 4 + 4 * dimensions.length
}

function hex (bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ') || 'nothing'
}
