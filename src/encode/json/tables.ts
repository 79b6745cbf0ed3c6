import type { Batch } from '../../batch/batch.ts'
import type { Codebook } from '../../dataset/entry.ts'
import { textOf } from './numbers.ts'
import { elements } from '../shape.ts'
import { separatorsOf } from './separators.ts'
import { writeImageModule } from './write-image.ts'

/** Room for the text of a number, 15 characters at most (see float32.ts and float16.ts), and then for its length. */
const TEXT = 16
const LENGTH = TEXT - 1

/** Room for what stands between two numbers: `]],[[` is the longest. */
const SEPARATOR = 8

/** What may be read or written beyond the end of anything. */
const SLACK = 32

/** Bytes of text that are written at a time: few enough to stay in a core's own cache. */
const WINDOW = 128 << 10

/** Images whose levels the memory has room for. */
export const GROUP = 32

/** Images to be written, up to GROUP of them. */
export interface Group {
  /** u8 of whole images. */
  readonly levels: Uint8Array
  /** Of one image. */
  readonly shape: readonly number[]
  /** The values of an image, which are asked for where one of them is new. */
  values (image: number): Batch['images']['data']
}

const WASM_PAGE = 1 << 16

const module = new WebAssembly.Module(writeImageModule)

/** Addresses in the memory, as write-image.wat has them. */
type Places = Readonly<Record<'texts' | 'separators' | 'separatorLengths' | 'blank' | 'blankOffsets' | 'levels' | 'window' | 'end', number>>

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
    if (!tables) Tables.#known.set(codebook, tables = new Tables(codebook, elements(shape.slice(1))))
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
  /** The levels that the memory has. */
  #loaded: WeakRef<Uint8Array> | undefined
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

  /** Bytes of the text of an image at most. */
  get longest (): number {
    return imageBytes(this.#pixels)
  }

  /** Bytes of text that are written at a time, at most. */
  get window (): number {
    return windowOf(this.#pixels)
  }

  /**
   * Writes images as nested lists, each with a comma before it: from the image `start` on, as many as are sure to fit into so
   * many bytes.
   *
   * @param room at least `longest`, at most `window`
   * @returns the image after them, and their text, which the next one overwrites
   */
  write (group: Group, start: number, room: number): { next: number, text: Uint8Array } {
    this.#separate(group.shape)
    const count = group.levels.length / this.#pixels
    const { levels, window } = this.#at
    if (this.#loaded?.deref() !== group.levels) {
      this.#memory.set(group.levels, levels)
      this.#loaded = new WeakRef(group.levels)
    }
    const full = window + room - this.longest
    let at = window
    let image = start
    for (; image < count && at <= full; image++) {
      const from = levels + image * this.#pixels
      const end = this.#writeImage(from, at, Number(this.#hasBlank))
      if (end === 0) this.#learn(group, image)
      at = end === 0 ? this.#writeImage(from, at, Number(this.#hasBlank)) : end
    }
    return { next: image, text: this.#memory.subarray(window, at) }
  }

  /** Makes the texts of all values of an image known. */
  #learn ({ levels, values }: Group, image: number): void {
    const data = values(image)
    const text = textOf(data)
    const first = image * this.#pixels
    let isNew = false
    for (let pixel = 0; pixel < this.#pixels; pixel++) {
      const at = this.#at.texts + (pixel * this.#positionStride + levels[first + pixel]!) * TEXT
      if (this.#memory[at + LENGTH] !== 0) continue
      this.#memory[at + LENGTH] = this.#memory.write(text(data[pixel]!), at, 'latin1')
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
    const { texts, separators, separatorLengths, blank, blankOffsets } = this.#at
    const memory = this.#memory
    let at = blank
    for (let pixel = 0; pixel < this.#pixels; pixel++) {
      const text = texts + pixel * this.#positionStride * TEXT
      if (memory[text + LENGTH] === 0) return
      memory.writeUInt32LE(at - blank, blankOffsets + pixel * 4)
      at += memory.copy(memory, at, separators + pixel * SEPARATOR, separators + pixel * SEPARATOR + memory[separatorLengths + pixel]!)
      at += memory.copy(memory, at, text, text + memory[text + LENGTH]!)
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
    separators: place((pixels + 1) * SEPARATOR),
    separatorLengths: place(pixels + 1),
    blank: place(imageBytes(pixels)),
    blankOffsets: place((pixels + 1) * 4),
    levels: place(GROUP * pixels),
    window: place(windowOf(pixels)),
    end
  }
}
