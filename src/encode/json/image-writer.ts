import type { Batch } from '../../batch/batch.ts'
import type { Chunk } from '../../io/chunk.ts'
import { separators } from './nesting.ts'
import { numberWriter } from './numbers.ts'

/** Writes the images of batches as nested JSON lists. */
export interface ImageWriter {
  /** The images with commas between them, as chunks of text. */
  write (batch: Batch): Iterable<Chunk>
}

/** Characters of a chunk: few, since each number may take a microsecond. */
const CHUNK = 1 << 14

/** Texts of numbers that are remembered while a batch is written. */
const MAX_TEXTS = 1 << 16

/** Writes images of any shape, number by number. */
export const plainImageWriter: ImageWriter = {
  * write (batch) {
    const [count, ...shape] = batch.images.shape as [number, ...number[]]
    const separatorBefore = separators(shape)
    const writeNumber = remember(numberWriter(batch.images.dtype))
    let text = ''
    // The comma before the first image separates it from nothing.
    let start = 1
    for (let image = 0; image < count; image++) {
      const values = batch.slice(image, image + 1).images.data()
      for (let i = 0; i < values.length; i++) {
        text += separatorBefore(i) + writeNumber(values[i]!)
        if (text.length < CHUNK) continue
        yield Buffer.from(text.slice(start), 'latin1')
        text = ''
        start = 0
      }
      text += separatorBefore(values.length)
    }
    if (text !== '') yield Buffer.from(text.slice(start), 'latin1')
  }
}

/** Most pixels of most images are blank, so few numbers make up most of the text. */
function remember (writeNumber: (element: number) => string): (element: number) => string {
  const texts = new Map<number, string>()
  return element => {
    let text = texts.get(element)
    if (text === undefined) {
      if (texts.size === MAX_TEXTS) texts.clear()
      texts.set(element, text = writeNumber(element))
    }
    return text
  }
}
