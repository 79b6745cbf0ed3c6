import type { Batch } from '../../batch/batch.ts'
import { countElements, type ElementType, type PixelValues } from '../../batch/tensor.ts'
import type { Chunk } from '../../memory/chunk.ts'
import type { Body } from '../format.ts'
import { numberWriter } from './numbers.ts'

/** Characters of a chunk: few, since each number may take a microsecond. */
const CHUNK = 1 << 14

/** Texts of numbers that are remembered while arrays are written. */
const MAX_TEXTS = 1 << 16

/** Writes arrays of one shape as nested JSON lists with commas between them, number by number. */
export function * writeArrays (
  arrays: Iterable<ArrayLike<number>>,
  shape: readonly number[],
  textOf: (element: number) => string
): Generator<Buffer> {
  const separatorBefore = separators(shape)
  const size = countElements(shape)
  const writeNumber = remember(textOf)
  let text = ''
  // The comma before the first array separates it from nothing.
  let start = 1
  for (const values of arrays) {
    for (let i = 0; i < size; i++) {
      text += separatorBefore(i) + writeNumber(values[i]!)
      if (text.length < CHUNK) continue
      yield Buffer.from(text.slice(start), 'latin1')
      text = ''
      start = 0
    }
    text += separatorBefore(size)
  }
  if (text !== '') yield Buffer.from(text.slice(start), 'latin1')
}

/** Most pixels of most images are blank, so few numbers make up most of the text. */
function remember (textOf: (element: number) => string): (element: number) => string {
  const texts = new Map<number, string>()
  return element => {
    let text = texts.get(element)
    if (text === undefined) {
      if (texts.size === MAX_TEXTS) texts.clear()
      texts.set(element, text = textOf(element))
    }
    return text
  }
}

/**
 * The text around the numbers of an array that is written as nested lists, with a comma before the array: the function
 * returns the text before element `i`, and for the number of elements the text after the last one.
 */
export function separators (shape: readonly number[]): (i: number) => string {
  const size = countElements(shape)
  if (size === 0) return () => `,${nest(shape)}`
  const first = `,${'['.repeat(shape.length)}`
  const last = ']'.repeat(shape.length)
  const between = shape.map((_, ends) => `${']'.repeat(ends)},${'['.repeat(ends)}`)
  // An inner list ends, and the next one starts, at the multiples of its length.
  const innerLengths = shape.slice(1).map((_, axis) => countElements(shape.slice(axis + 1)))
  return i => {
    if (i === 0) return first
    if (i === size) return last
    let ends = 0
    for (const length of innerLengths) if (i % length === 0) ends++
    return between[ends]!
  }
}

/** Nested lists without elements, such as `[[],[]]` for the shape [2, 0]. */
function nest ([length, ...inner]: readonly number[]): string {
  return `[${Array.from({ length: length! }, () => nest(inner)).join()}]`
}

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

/** Writes the images of batches as nested JSON lists. */
export interface ImageWriter {
  /** The images with commas between them, as chunks of text. */
  write (batch: Batch): Iterable<Chunk>
}

/** Writes images of any shape, number by number. */
export const plainImageWriter: ImageWriter = {
  write (batch) {
    const { shape, dtype } = batch.images
    return writeArrays(imagesOf(batch), shape.slice(1), numberWriter(dtype))
  }
}

function * imagesOf (batch: Batch): Generator<PixelValues> {
  const count = batch.images.shape[0]!
  for (let image = 0; image < count; image++) yield batch.slice(image, image + 1).images.data()
}
