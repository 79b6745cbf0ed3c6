import type { Batch, Codebook } from '../dataset.ts'
import { shortestHalfText } from './float16.ts'
import { shortestText } from './float32.ts'

type Images = Batch['images']['data']

/** The text of one element, shortest for its dtype. */
function textOf (data: Images): (element: number) => string {
  return data instanceof Uint16Array ? shortestHalfText : shortestText
}

/** The numbers that JSON.stringify writes as the shortest texts of these elements. */
export function shortestNumbers (data: Images): number[] {
  const text = textOf(data)
  return Array.from(data, element => Number(text(element)))
}

/** Room for one text: 15 characters at most, see float32.ts and float16.ts. */
const STRIDE = 16

/**
 * The decimal texts of a normalization's values. There are only as many values as the codebook has, so each is written as
 * text once, when it is first seen, and copied from then on.
 */
export class NumberTexts {
  readonly #positions: number
  readonly #lengths: Uint8Array
  readonly #texts: Buffer

  private constructor ({ positions }: Codebook) {
    this.#positions = positions
    this.#lengths = new Uint8Array(positions * 256)
    this.#texts = Buffer.alloc(positions * 256 * STRIDE)
  }

  static readonly #known = new WeakMap<Codebook, NumberTexts>()

  /** The texts that all batches of a codebook share. */
  static of (codebook: Codebook): NumberTexts {
    let texts = NumberTexts.#known.get(codebook)
    if (!texts) NumberTexts.#known.set(codebook, texts = new NumberTexts(codebook))
    return texts
  }

  /** Bytes of the texts of all values of a batch. */
  measure ({ levels, images }: Batch): number {
    const text = textOf(images.data)
    let bytes = 0
    for (let i = 0; i < levels.length; i++) {
      const key = this.#key(i, levels[i]!)
      bytes += this.#lengths[key]! || this.#learn(key, text(images.data[i]!))
    }
    return bytes
  }

  /** Writes the text of value `i`, which was measured before, at `at`; gives the position after it. */
  write (target: Uint8Array, at: number, i: number, level: number): number {
    const key = this.#key(i, level)
    const length = this.#lengths[key]!
    const start = key * STRIDE
    for (let k = 0; k < length; k++) target[at + k] = this.#texts[start + k]!
    return at + length
  }

  #key (i: number, level: number): number {
    return this.#positions === 1 ? level : (i % this.#positions) * 256 + level
  }

  #learn (key: number, text: string): number {
    return (this.#lengths[key] = this.#texts.write(text, key * STRIDE, 'latin1'))
  }
}
