import type { Batch } from '../../batch/batch.ts'
import type { Normalizer } from '../../batch/normalize.ts'
import { countElements, type ElementType, type PixelValues } from '../../batch/tensor.ts'
import { bufferPool } from '../../memory/buffer-pool.ts'
import { PAUSE, type Chunk, type PooledChunk } from '../../memory/chunk.ts'
import { type ImageWriter, separators } from './array-writer.ts'
import { MAX_NUMBER_LENGTH, numberWriter } from './numbers.ts'
import { writeImageModule } from './write-image.ts'

/** The tables take up to 4 KiB of memory per pixel of an image: 16 MiB for this many. */
const MAX_PIXELS = 64 * 64

/**
 * Writes small images. A normalization has few values, up to 256 per pixel position, so the text of each is computed
 * when it first occurs, and copied by WebAssembly from then on.
 */
export const wasmImageWriter: ImageWriter & { supports (batch: Batch): boolean } = {
  supports (batch) {
    if (!hasMemory || countElements(batch.images.shape.slice(1)) > MAX_PIXELS) return false
    try {
      getTables(batch)
      return true
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      hasMemory = false
      return false
    }
  },

  * write (batch): Generator<Chunk> {
    const count = batch.images.shape[0]!
    const tables = getTables(batch)
    let chunk: PooledChunk | undefined
    // The comma before the first image separates it from nothing.
    let start = 1
    let end = 0
    for (let image = 0; image < count;) {
      chunk ??= bufferPool.pooledChunk(tables.windowBytes)
      const { next, text, learned } = tables.write(batch, image, chunk.bytes.length - end)
      chunk.bytes.set(text, end)
      image = next
      end += text.length
      if (learned >= MAX_LEARNED) yield PAUSE
      if (chunk.bytes.length - end >= tables.maxImageBytes) continue
      yield subchunk(chunk, start, end)
      chunk = undefined
      start = end = 0
    }
    if (chunk) yield subchunk(chunk, start, end)
  }
}

function subchunk (chunk: PooledChunk, start: number, end: number): PooledChunk {
  return { bytes: chunk.bytes.subarray(start, end), release: () => chunk.release() }
}

/**
 * V8 reserves more address space for a memory than a process may have left. It collects garbage before it gives up, so
 * this is not tried again.
 */
let hasMemory = true

const tablesOf = new WeakMap<Normalizer, ImageTables>()

/** The tables that all batches of a normalizer share. */
function getTables ({ normalizer, images: { shape } }: Batch): ImageTables {
  let tables = tablesOf.get(normalizer)
  if (!tables) tablesOf.set(normalizer, tables = new ImageTables(normalizer, countElements(shape.slice(1))))
  return tables
}

/** Bytes of a slot: the text of a number, and its length in the last byte. */
const TEXT_SLOT = 16
const TEXT_LENGTH = MAX_NUMBER_LENGTH

/** Bytes of a slot for the text between two numbers, of which `]],[[` is the longest. */
const SEPARATOR_SLOT = 8

/** Bytes beyond the end of a table that may be read or overwritten, since texts are copied in whole vectors. */
const SLACK = 32

/** Bytes of text that are written at a time: few enough to stay in a core's own cache. */
const WINDOW = 128 << 10

/** New numbers after which `write` returns: each takes up to a microsecond, and more until V8 compiles the code. */
const MAX_LEARNED = 1 << 8

/** Images whose pixels are copied at a time. */
const GROUP = 16

const WASM_PAGE = 1 << 16

/** Offsets of the tables in memory; write-image.wat describes them. */
type Offsets = Readonly<Record<
  'texts' | 'separators' | 'separatorLengths' | 'blank' | 'blankOffsets' | 'pixelValues' | 'window' | 'end', number
>>

type WriteImage = (levels: number, at: number, hasBlank: number) => number

const module = new WebAssembly.Module(writeImageModule)

/** The memory of write-image.wat for one normalizer. */
class ImageTables {
  /** Bytes of the text of an image, at most. */
  readonly maxImageBytes: number
  /** Bytes of text that `write` returns, at most. */
  readonly windowBytes: number
  readonly #pixels: number
  /** Distance of the texts of neighbouring positions, in slots: 0 if the level alone decides. */
  readonly #positionStride: number
  readonly #at: Offsets
  readonly #memory: Buffer
  readonly #writeImage: WriteImage
  /** Shape of the images that the separators are for. */
  #shape = ''
  /** Whether the text of level 0 is known at every position. */
  #hasBlank = false

  constructor ({ positions }: Normalizer, pixels: number) {
    this.maxImageBytes = pixels * (SEPARATOR_SLOT + TEXT_SLOT) + SEPARATOR_SLOT
    this.windowBytes = Math.max(WINDOW, this.maxImageBytes)
    this.#pixels = pixels
    this.#positionStride = positions === 1 ? 0 : 256
    this.#at = this.#layOut(positions * 256)
    const memory = new WebAssembly.Memory({ initial: Math.ceil(this.#at.end / WASM_PAGE) })
    this.#memory = Buffer.from(memory.buffer)
    const tables = { memory, pixels, positionStride: this.#positionStride, ...this.#at }
    this.#writeImage = new WebAssembly.Instance(module, { tables }).exports['writeImage'] as WriteImage
  }

  /**
   * Writes images from `start` on, as many as certainly fit and take little time, each with a comma before it.
   *
   * @param room bytes, from `maxImageBytes` to `windowBytes`
   * @returns the next image; the text, which is valid until the next call; and the number of new numbers in it
   */
  write (batch: Batch, start: number, room: number): { next: number, text: Uint8Array, learned: number } {
    const [count, ...shape] = batch.images.shape as [number, ...number[]]
    const groupEnd = Math.min(start + GROUP, count)
    const { pixelValues, window } = this.#at
    this.#writeSeparators(shape)
    const pixelsEnd = pixelValues + (groupEnd - start) * this.#pixels
    batch.copyPixels(start, groupEnd, this.#memory.subarray(pixelValues, pixelsEnd))
    const last = window + room - this.maxImageBytes
    let at = window
    let image = start
    let learned = 0
    while (image < groupEnd && at <= last && learned < MAX_LEARNED) {
      const pixels = pixelValues + (image - start) * this.#pixels
      const end = this.#writeImage(pixels, at, Number(this.#hasBlank))
      if (end === 0) {
        const values = batch.slice(image, image + 1).images.data()
        learned += this.#learn(values, batch.images.dtype, pixels, MAX_LEARNED - learned)
      } else {
        at = end
        image++
      }
    }
    return { next: image, text: this.#memory.subarray(window, at), learned }
  }

  /**
   * Adds the texts of the values of an image, up to `most` new ones.
   *
   * @param pixels offset of its pixels
   * @returns the number of new ones
   */
  #learn (values: PixelValues, dtype: ElementType, pixels: number, most: number): number {
    const writeNumber = numberWriter(dtype)
    const memory = this.#memory
    let hasNewBlank = false
    let learned = 0
    for (let position = 0; position < this.#pixels && learned < most; position++) {
      const level = memory[pixels + position]!
      const slot = this.#at.texts + (position * this.#positionStride + level) * TEXT_SLOT
      if (memory[slot + TEXT_LENGTH] !== 0) continue
      memory[slot + TEXT_LENGTH] = memory.write(writeNumber(values[position]!), slot, 'latin1')
      hasNewBlank ||= level === 0
      learned++
    }
    if (hasNewBlank) this.#writeBlank()
    return learned
  }

  #writeSeparators (shape: readonly number[]): void {
    if (this.#shape === String(shape)) return
    this.#shape = String(shape)
    const { separators: slots, separatorLengths } = this.#at
    const separatorBefore = separators(shape)
    for (let i = 0; i <= this.#pixels; i++) {
      this.#memory[separatorLengths + i] = this.#memory.write(separatorBefore(i), slots + i * SEPARATOR_SLOT, 'latin1')
    }
    this.#writeBlank()
  }

  /** Writes the text of an image whose pixels are all 0, if it is known. */
  #writeBlank (): void {
    const { texts, separators, separatorLengths, blank, blankOffsets } = this.#at
    const memory = this.#memory
    let at = blank
    const append = (slot: number, length: number): void => { at += memory.copy(memory, at, slot, slot + length) }
    for (let position = 0; position < this.#pixels; position++) {
      const text = texts + position * this.#positionStride * TEXT_SLOT
      if (memory[text + TEXT_LENGTH] === 0) return
      memory.writeUInt32LE(at - blank, blankOffsets + position * 4)
      append(separators + position * SEPARATOR_SLOT, memory[separatorLengths + position]!)
      append(text, memory[text + TEXT_LENGTH]!)
    }
    memory.writeUInt32LE(at - blank, blankOffsets + this.#pixels * 4)
    this.#hasBlank = true
  }

  /** @param values number of different texts */
  #layOut (values: number): Offsets {
    let end = 0
    const reserve = (bytes: number): number => {
      const at = end
      end += Math.ceil((bytes + SLACK) / SLACK) * SLACK
      return at
    }
    // `writeImage` returns 0 for a missing text, so nothing is written there.
    reserve(0)
    return {
      texts: reserve(values * TEXT_SLOT),
      separators: reserve((this.#pixels + 1) * SEPARATOR_SLOT),
      separatorLengths: reserve(this.#pixels + 1),
      blank: reserve(this.maxImageBytes),
      blankOffsets: reserve((this.#pixels + 1) * 4),
      pixelValues: reserve(GROUP * this.#pixels),
      window: reserve(this.windowBytes),
      end
    }
  }
}
