import { countElements } from '../../batch/tensor.ts'
import { separators } from './nesting.ts'

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
