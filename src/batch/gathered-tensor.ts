import { gatherInMemory } from './gather-kernel.ts'
import { gatherRows, type Positions } from './gather-rows.ts'
import { computedTensor, type ArrayTypes, type Tensor } from './tensor.ts'

/**
 * A tensor of rows that are stored elsewhere.
 *
 * @param rows all rows, back to back
 * @param length elements of a row
 */
export function gatheredTensor<T extends 'float32' | 'uint8'> (
  shape: readonly number[],
  dtype: T,
  rows: ArrayTypes[T],
  length: number,
  positions: Positions
): Tensor<ArrayTypes[T]> {
  const tensor = computedTensor(shape, dtype, (target: ArrayTypes[T]) => gatherRows(rows, length, positions, target))
  return { ...tensor, chunk: () => gatherInMemory(rows, length, positions) ?? tensor.chunk() }
}
