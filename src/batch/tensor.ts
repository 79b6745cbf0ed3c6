import { bufferPool } from '../memory/buffer-pool.ts'
import { asBytes } from '../memory/bytes.ts'
import { bytesOfChunk, type Chunk, type PooledChunk } from '../memory/chunk.ts'
import type { Dtype } from './options.ts'

/** A Uint16Array holds the bits of float16 (IEEE 754 binary16), which Node.js 20 has no typed array for. */
export type PixelValues = Float32Array | Uint16Array | Uint8Array

export type TensorData = PixelValues | Int32Array | BigInt64Array

/** An element type, as NumPy names it. */
export type ElementType = Dtype | 'int32' | 'int64'

/** A dense array in C order. Nothing is computed before `data` or `chunk` is called, and then anew with every call. */
export interface Tensor<Data extends TensorData = TensorData> {
  /** Outermost dimension first. */
  readonly shape: readonly number[]
  readonly dtype: ElementType
  readonly byteLength: number
  /** Whether the elements are in memory already, which others may share and nobody writes to. */
  readonly isView: boolean
  /** The elements in memory that is never reused: the view, or a new array. */
  data (): Data
  /** The elements as little-endian bytes: the view, or memory that is pooled if it is large. */
  chunk (): Chunk
}

export interface ArrayTypes {
  readonly float32: Float32Array
  readonly float16: Uint16Array
  readonly uint8: Uint8Array
  readonly int32: Int32Array
  readonly int64: BigInt64Array
}

interface ArrayConstructor<Data> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Data
}

const arrayConstructors: { readonly [T in ElementType]: ArrayConstructor<ArrayTypes[T]> } = {
  float32: Float32Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array
}

export const bytesPerElement: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int32: 4,
  int64: 8
}

/** A tensor over existing memory. */
export function viewTensor<T extends ElementType> (
  shape: readonly number[],
  dtype: T,
  data: ArrayTypes[T]
): Tensor<ArrayTypes[T]> {
  return { shape, dtype, byteLength: data.byteLength, isView: true, data: () => data, chunk: () => asBytes(data) }
}

/**
 * A tensor that is computed when it is read.
 *
 * @param fill writes every element; the array that it gets is not initialized
 */
export function computedTensor<T extends ElementType> (
  shape: readonly number[],
  dtype: T,
  fill: (data: ArrayTypes[T]) => void
): Tensor<ArrayTypes[T]> {
  const length = countElements(shape)
  const Data = arrayConstructors[dtype]
  const byteLength = length * bytesPerElement[dtype]
  return {
    shape,
    dtype,
    byteLength,
    isView: false,
    data () {
      const data = new Data(new ArrayBuffer(byteLength), 0, length)
      fill(data)
      return data
    },
    chunk () {
      const chunk = bufferPool.chunk(byteLength)
      const { buffer, byteOffset } = bytesOfChunk(chunk)
      fill(new Data(buffer, byteOffset, length))
      return chunk
    }
  }
}

/** A tensor over float32 elements in a pooled chunk, to be released once it has been sent. */
export function pooledTensor (shape: readonly number[], chunk: PooledChunk): Tensor<Float32Array> {
  const { buffer, byteOffset, byteLength } = chunk.bytes
  const values = new Float32Array(buffer, byteOffset, byteLength / bytesPerElement.float32)
  return { shape, dtype: 'float32', byteLength, isView: true, data: () => values.slice(), chunk: () => chunk }
}

/** The number of elements of an array of this shape. */
export function countElements (shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}
