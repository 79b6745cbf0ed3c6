import type { ElementType } from '../batch/tensor.ts'
import type { Format } from './format.ts'

export const npy: Format = { name: 'npy', mediaType: 'application/x-npy' }

const descriptors = { float32: '<f4', float16: '<f2', uint8: '|u1', int32: '<i4', int64: '<i8' } as const

/**
 * The start of an NPY 1.0 file (numpy.org/doc/stable/reference/generated/numpy.lib.format.html), which little-endian
 * elements in C order follow:
 *
 *     0   \x93NUMPY 01 00
 *     8   u16  length of the rest of the header
 *     10  Python dict literal, spaces, \n; the data starts at a multiple of 64
 */
export function npyHeader (shape: readonly number[], dtype: ElementType): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${descriptors[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64
  const header = Buffer.alloc(length, ' ')
  header.write('\x93NUMPY\x01\x00', 'latin1')
  header.writeUInt16LE(length - 10, 8)
  header.write(dict, 10, 'latin1')
  header.write('\n', length - 1, 'latin1')
  return header
}
