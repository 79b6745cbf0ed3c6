import type { Batch, Codebook } from '../../dataset.ts'
import { textOf } from '../numbers.ts'
import { separatorsOf } from './separators.ts'
import { writeImageModule } from './write-image.ts'

/** Room for the text of a number: 15 characters at most, see float32.ts and float16.ts. */
const TEXT = 16

/** Room for what stands between two numbers: `]],[[` is the longest. */
const SEPARATOR = 8

/** What may be read or written beyond the end of anything. */
const SLACK = 32

/** Bytes of text that are written before they are taken: few enough to stay in a core's own cache. */
const WINDOW = 128 << 10

/** Images whose levels are put into the memory at a time. */
const GROUP = 32

const WASM_PAGE = 1 << 16

const module = new WebAssembly.Module(writeImageModule)

/** Addresses in the memory, as write-image.wat has them. */
type Places = Readonly<Record<'texts' | 'lengths' | 'separators' | 'separatorLengths' | 'blank' | 'blankOffsets' | 'levels' | 'window' | 'end', number>>

type WriteImage = (levels: number, at: number, hasBlank: number) => number

/**
 * The memory of write-image.wat for one codebook. A normalization has only as many values as its codebook, so each of them is
 * made a text once, when it is first seen, and copied from then on.
 */
export class Tables {
  static readonly #known = new WeakMap<Codebook, Tables>()

  /** The tables that all batches of a codebook share. */
  static of ({ codebook, images: { shape } }: Batch): Tables {
    let tables = Tables.#known.get(codebook)
    if (!tables) Tables.#known.set(codebook, tables = new Tables(codebook, shape.slice(1).reduce((product, length) => product * length, 1)))
    return tables
  }

  readonly #pixels: number
  /** Keys of one pixel position are this far from those of the next: 0 where the level alone decides. */
  readonly #positionStride: number
  readonly #at: Places
  readonly #memory: Buffer
  readonly #writeImage: WriteImage
  /** Of the images that the separators are for. */
  #shape = ''
  /** Whether the text of level 0 is known at every position. */
  #hasBlank = false

  private constructor ({ positions }: Codebook, pixels: number) {
    this.#pixels = pixels
    this.#positionStride = positions === 1 ? 0 : 256
    this.#at = placesOf(pixels, positions * 256)
    const memory = new WebAssembly.Memory({ initial: Math.ceil(this.#at.end / WASM_PAGE) })
    this.#memory = Buffer.from(memory.buffer)
    const tables = { memory, pixels, positionStride: this.#positionStride, ...this.#at }
    this.#writeImage = new WebAssembly.Instance(module, { tables }).exports['writeImage'] as WriteImage
  }

  /** Bytes of the texts that `take` is given at most. */
  get window (): number {
    return windowOf(this.#pixels)
  }

  /**
   * Writes the images of a batch as nested lists, each with a comma before it, as many at a time as the window has room for.
   *
   * @param take is given the texts of these, which the next ones overwrite
   */
  write (batch: Batch, take: (texts: Uint8Array) => void): void {
    const [count, ...shape] = batch.images.shape as [number, ...number[]]
    this.#separate(shape)
    const { levels, window } = this.#at
    // An image more might be too much from here on.
    const full = window + this.window - imageBytes(this.#pixels)
    let at = window
    for (let image = 0; image < count; image++) {
      if (image % GROUP === 0) this.#memory.set(batch.levels.subarray(image * this.#pixels, (image + GROUP) * this.#pixels), levels)
      const from = levels + image % GROUP * this.#pixels
      let end = this.#writeImage(from, at, Number(this.#hasBlank))
      if (end === 0) {
        this.#learn(batch, image)
        end = this.#writeImage(from, at, Number(this.#hasBlank))
      }
      at = end
      if (at > full || image === count - 1) {
        take(this.#memory.subarray(window, at))
        at = window
      }
    }
  }

  /** Makes the texts of all values of an image known. */
  #learn ({ levels, images: { data } }: Batch, image: number): void {
    const text = textOf(data)
    const first = image * this.#pixels
    let isNew = false
    for (let pixel = 0; pixel < this.#pixels; pixel++) {
      const key = pixel * this.#positionStride + levels[first + pixel]!
      if (this.#memory[this.#at.lengths + key] !== 0) continue
      this.#memory[this.#at.lengths + key] = this.#memory.write(text(data[first + pixel]!), this.#at.texts + key * TEXT, 'latin1')
      isNew ||= levels[first + pixel] === 0
    }
    if (isNew) this.#makeBlank()
  }

  #separate (shape: readonly number[]): void {
    if (this.#shape === String(shape)) return
    const { separators, separatorLengths } = this.#at
    for (const [i, text] of separatorsOf(shape).entries()) {
      this.#memory[separatorLengths + i] = this.#memory.write(text, separators + i * SEPARATOR, 'latin1')
    }
    this.#shape = String(shape)
    this.#makeBlank()
  }

  /** The text of an image whose levels are all 0, where it is known. */
  #makeBlank (): void {
    const { texts, lengths, separators, separatorLengths, blank, blankOffsets } = this.#at
    const memory = this.#memory
    let at = blank
    for (let pixel = 0; pixel < this.#pixels; pixel++) {
      const key = pixel * this.#positionStride
      if (memory[lengths + key] === 0) return
      memory.writeUInt32LE(at - blank, blankOffsets + pixel * 4)
      at += memory.copy(memory, at, separators + pixel * SEPARATOR, separators + pixel * SEPARATOR + memory[separatorLengths + pixel]!)
      at += memory.copy(memory, at, texts + key * TEXT, texts + key * TEXT + memory[lengths + key]!)
    }
    memory.writeUInt32LE(at - blank, blankOffsets + this.#pixels * 4)
    this.#hasBlank = true
  }
}

/** The longest that the text of an image can be. */
function imageBytes (pixels: number): number {
  return pixels * (SEPARATOR + TEXT) + SEPARATOR
}

function windowOf (pixels: number): number {
  return Math.max(WINDOW, imageBytes(pixels))
}

function placesOf (pixels: number, keys: number): Places {
  let end = 0
  const place = (bytes: number): number => {
    const at = end
    end += Math.ceil((bytes + SLACK) / SLACK) * SLACK
    return at
  }
  // The address 0 means something else.
  place(0)
  return {
    texts: place(keys * TEXT),
    lengths: place(keys),
    separators: place((pixels + 1) * SEPARATOR),
    separatorLengths: place(pixels + 1),
    blank: place(imageBytes(pixels)),
    blankOffsets: place((pixels + 1) * 4),
    levels: place(GROUP * pixels),
    window: place(windowOf(pixels)),
    end
  }
}
