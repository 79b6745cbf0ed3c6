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
export const STRIDE = 16

/**
 * The decimal texts of a normalization's values. There are only as many values as the codebook has, so each is written as
 * text once, when it is first seen, and copied from then on. The text of key k starts at byte k·STRIDE of `texts`.
 */
export class NumberTexts {
  /** Keys of one pixel position are this far from those of the next: 0 where the level alone decides. */
  readonly positionStride: number
  /** Bytes of each text; 0 where it is not known yet. */
  readonly lengths: Uint8Array
  readonly texts: Buffer

  private constructor ({ positions }: Codebook) {
    this.positionStride = positions === 1 ? 0 : 256
    this.lengths = new Uint8Array(positions * 256)
    this.texts = Buffer.alloc(positions * 256 * STRIDE)
  }

  static readonly #known = new WeakMap<Codebook, NumberTexts>()

  /** The texts that all batches of a codebook share. */
  static of (codebook: Codebook): NumberTexts {
    let texts = NumberTexts.#known.get(codebook)
    if (!texts) NumberTexts.#known.set(codebook, texts = new NumberTexts(codebook))
    return texts
  }

  /** Makes the texts of all values of a batch known; gives the bytes that they have together. */
  learn ({ levels, images: { shape, data } }: Batch): number {
    const { lengths, positionStride } = this
    const text = textOf(data)
    const size = shape.slice(1).reduce((product, length) => product * length, 1)
    let bytes = 0
    for (let i = 0; i < levels.length;) {
      for (let pixel = 0, key = 0; pixel < size; pixel++, i++, key += positionStride) {
        bytes += lengths[key + levels[i]!]! || this.#write(key + levels[i]!, text(data[i]!))
      }
    }
    return bytes
  }

  #write (key: number, text: string): number {
    return (this.lengths[key] = this.texts.write(text, key * STRIDE, 'latin1'))
  }
}
