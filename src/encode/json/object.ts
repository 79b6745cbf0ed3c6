import { countElements, type ElementType, type PixelValues } from '../../batch/tensor.ts'
import type { Chunk } from '../../memory/chunk.ts'
import type { Body } from '../body.ts'
import { writeArrays } from './array-writer.ts'
import { numberWriter } from './numbers.ts'

/** An array that is written as nested lists. */
export interface JsonArray {
  readonly shape: readonly number[]
  readonly dtype: ElementType
  readonly values: PixelValues
}

/** A JSON object with these members and, after them, an array under this name, written as it is sent. */
export function encodeWithArray (members: object, name: string, array: JsonArray): Body {
  return { minByteLength: 2 * countElements(array.shape), chunks: encodeChunks(members, name, array) }
}

function * encodeChunks (members: object, name: string, { shape, dtype, values }: JsonArray): Generator<Chunk> {
  yield Buffer.from(`${JSON.stringify(members).slice(0, -1)},${JSON.stringify(name)}:`)
  yield * writeArrays([values], shape, numberWriter(dtype))
  yield Buffer.from('}')
}
