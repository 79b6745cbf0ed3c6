import type { Batch } from '../dataset.ts'
import { NumberTexts, STRIDE } from './numbers.ts'

/** Room for what stands between two numbers: `]],[[` is the longest. */
const SEPARATOR_STRIDE = 8

/** From this many pixels of level 0 on, copying their text in one go is faster than number by number. */
const SHORTEST_RUN = 4

const COMMA = 0x2c

/**
 * Images as nested JSON lists with `start` before and `end` after them, in one buffer of exactly its size.
 *
 * Two things make it fast. Texts are copied eight bytes at a time, in whole slots: what is too much is overwritten by what
 * comes next. And most pixels of most images have level 0, whose text depends on the position alone, so a run of them is
 * a piece of the text of a blank image.
 */
export function imageTexts (batch: Batch, start: string, end: string): Uint8Array {
  const [count, ...shape] = batch.images.shape as [number, ...number[]]
  const numbers = NumberTexts.of(batch.codebook)
  const separators = separatorsOf(shape)
  const size = separators.lengths.length
  const close = ']'.repeat(shape.length)

  const separatorBytes = separators.lengths.reduce((sum, length) => sum + length, close.length)
  const imageBytes = numbers.learn(batch) + count * separatorBytes + Math.max(0, count - 1)
  const body = Buffer.allocUnsafeSlow(Buffer.byteLength(start) + imageBytes + end.length)
  const write = imageWriter(body, batch.levels, numbers, separators)

  let at = body.write(start)
  for (let image = 0; image < count; image++) {
    if (image > 0) body[at++] = COMMA
    at = write(image * size, at)
    at += body.write(close, at, 'latin1')
  }
  body.write(end, at, 'latin1')
  return body
}

/** Texts in slots of SEPARATOR_STRIDE bytes. */
interface Separators {
  readonly texts: Buffer
  readonly lengths: Uint8Array
}

/** What stands before each number of one image: opening brackets, a comma, and both where a row ends. */
function separatorsOf (shape: readonly number[]): Separators {
  // Elements of each inner list: a list ends, and the next one starts, at the multiples of its length.
  const inner = shape.slice(1).map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1))
  const size = shape.reduce((product, length) => product * length, 1)
  const separators = { texts: Buffer.alloc(size * SEPARATOR_STRIDE), lengths: new Uint8Array(size) }
  for (let i = 0; i < size; i++) {
    const ends = inner.filter(length => i % length === 0).length
    const text = i === 0 ? '['.repeat(shape.length) : `${']'.repeat(ends)},${'['.repeat(ends)}`
    separators.lengths[i] = separators.texts.write(text, i * SEPARATOR_STRIDE, 'latin1')
  }
  return separators
}

/** Gives a function that writes the image whose levels start at `first` at `at`, and tells the position after it. */
function imageWriter (body: Buffer, levels: Uint8Array, numbers: NumberTexts, separators: Separators): (first: number, at: number) => number {
  const { lengths, positionStride } = numbers
  const size = separators.lengths.length
  // Eight bytes of ASCII are never a NaN, so a float64 carries them as they are.
  const target = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const between = wordsOf(separators.texts)
  const texts = wordsOf(numbers.texts)
  const betweenLengths = separators.lengths
  const blank = blankImage(numbers, separators)
  // A slot that reached beyond the end of the body is written byte by byte.
  const lastSlot = body.length - SEPARATOR_STRIDE - STRIDE

  return (first, at) => {
    for (let pixel = 0; pixel < size;) {
      const level = levels[first + pixel]!
      if (level === 0 && blank) {
        let next = pixel + 1
        while (next < size && levels[first + next] === 0) next++
        if (next - pixel >= SHORTEST_RUN) {
          const from = blank.offsets[pixel]!
          const to = blank.offsets[next]!
          body.set(blank.text.subarray(from, to), at)
          at += to - from
          pixel = next
          continue
        }
      }
      const key = pixel * positionStride + level
      if (at <= lastSlot) {
        target.setFloat64(at, between[pixel]!, true)
        at += betweenLengths[pixel]!
        target.setFloat64(at, texts[2 * key]!, true)
        target.setFloat64(at + 8, texts[2 * key + 1]!, true)
        at += lengths[key]!
      } else {
        at += separators.texts.copy(body, at, pixel * SEPARATOR_STRIDE, pixel * SEPARATOR_STRIDE + separators.lengths[pixel]!)
        at += numbers.texts.copy(body, at, key * STRIDE, key * STRIDE + lengths[key]!)
      }
      pixel++
    }
    return at
  }
}

/** The text of an image whose levels are all 0, and where each pixel's separator starts in it. */
interface Blank {
  readonly text: Uint8Array
  readonly offsets: Uint32Array
}

/** Undefined as long as the text of level 0 is not known at every position. */
function blankImage (numbers: NumberTexts, separators: Separators): Blank | undefined {
  const size = separators.lengths.length
  const offsets = new Uint32Array(size + 1)
  for (let pixel = 0; pixel < size; pixel++) {
    const length = numbers.lengths[pixel * numbers.positionStride]!
    if (length === 0) return undefined
    offsets[pixel + 1] = offsets[pixel]! + separators.lengths[pixel]! + length
  }
  const text = Buffer.allocUnsafeSlow(offsets[size]!)
  for (let pixel = 0; pixel < size; pixel++) {
    const slot = pixel * SEPARATOR_STRIDE
    const key = pixel * numbers.positionStride
    const at = offsets[pixel]! + separators.texts.copy(text, offsets[pixel]!, slot, slot + separators.lengths[pixel]!)
    numbers.texts.copy(text, at, key * STRIDE, key * STRIDE + numbers.lengths[key]!)
  }
  // Views of a plain array are made faster than those of a Buffer.
  return { text: new Uint8Array(text.buffer), offsets }
}

/** Memory of its own that holds a multiple of eight bytes, eight by eight. */
function wordsOf ({ buffer, byteOffset, byteLength }: Uint8Array): Float64Array {
  return new Float64Array(buffer, byteOffset, byteLength / 8)
}
