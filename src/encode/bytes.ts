import type { TensorData } from '../dataset.ts'

/** The memory of an array as bytes: a view, in the machine's byte order, which is little-endian wherever this service starts. */
export function bytesOf (data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** An element type, as NumPy calls it. */
export type ElementType = 'float32' | 'float16' | 'uint8' | 'int32' | 'int64'

/** The element type of an array. */
export function dtypeOf (data: TensorData): ElementType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Uint16Array) return 'float16'
  if (data instanceof Uint8Array) return 'uint8'
  return data instanceof Int32Array ? 'int32' : 'int64'
}
