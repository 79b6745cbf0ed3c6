import type { BitWriter } from './bits.ts'
import {
  END_OF_BLOCK, distanceBases, distanceCode, distanceExtraBits, lengthBases, lengthExtraBits, lengthSymbol,
  symbolExtraBits
} from './codes.ts'
import { assignCodewords, buildHuffmanCode, countBits, type PrefixCode } from './huffman.ts'

/** Most literals and matches in a block. */
const CAPACITY = 0x8000 - 1
/** Every so many literals and matches, a block may end early. */
const REVIEW_INTERVAL = 0x1000

const SYMBOLS = 286
const DISTANCES = 30
const [STORED, FIXED, DYNAMIC] = [0, 1, 2]

/** The fixed codes of RFC 1951 §3.2.6. */
const fixedSymbols = fixedCode(Uint8Array.from({ length: 288 }, (_, symbol) => {
  return symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8
}))
const fixedDistances = fixedCode(new Uint8Array(DISTANCES).fill(5))

/** Extra bits in the alphabet of code lengths: 16 lengths, and the run symbols 16, 17 and 18. */
const lengthAlphabetExtraBits = [...new Array<number>(16).fill(0), 2, 3, 7]
/** The order in which the lengths of that alphabet's own codewords are sent. */
const lengthAlphabetOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** Collects literals and matches, and writes them as one deflate block in the form that takes the fewest bytes. */
export class Block {
  readonly #output: BitWriter
  /** A literal, or the length of a match. */
  readonly #values = new Uint16Array(CAPACITY)
  /** The distance of a match, or 0 for a literal. */
  readonly #distances = new Uint16Array(CAPACITY)
  readonly #symbolCounts = new Uint32Array(SYMBOLS)
  readonly #distanceCounts = new Uint32Array(DISTANCES)
  #count = 0
  #matches = 0

  constructor (output: BitWriter) {
    this.#output = output
  }

  addLiteral (byte: number): void {
    this.#values[this.#count] = byte
    this.#distances[this.#count++] = 0
    this.#symbolCounts[byte]!++
  }

  addMatch (length: number, distance: number): void {
    this.#values[this.#count] = length
    this.#distances[this.#count++] = distance
    this.#matches++
    this.#symbolCounts[lengthSymbol(length)]!++
    this.#distanceCounts[distanceCode(distance)]!++
  }

  /**
   * Whether to write the block now: it is full, or compresses so well that the next content may deserve other codes.
   *
   * @param bytes of content in the block
   */
  isComplete (bytes: number): boolean {
    if (this.#count % REVIEW_INTERVAL === 0 && this.#matches < this.#count >> 1) {
      // The estimate of gzip: 8 bits per literal or match, 5 plus extra bits per distance.
      const distanceBits = countBits(this.#distanceCounts, fixedDistances, distanceExtraBits)
      if (Math.floor((8 * this.#count + distanceBits) / 8) < bytes >> 1) return true
    }
    return this.#count === CAPACITY
  }

  /**
   * Writes the block and starts the next one.
   *
   * @param content of the block; undefined if it has left the window, so that it cannot be stored
   * @param bytes of the content
   */
  write (content: Uint8Array | undefined, bytes: number, final: boolean): void {
    const output = this.#output
    this.#symbolCounts[END_OF_BLOCK] = 1
    const fixedBits = this.#countBits(fixedSymbols, fixedDistances)
    // Copies, since building a code may add symbols that do not occur; they must not count below.
    const symbols = buildHuffmanCode(this.#symbolCounts.slice(), 15)
    const distances = buildHuffmanCode(this.#distanceCounts.slice(), 15)
    const header = encodeCodeLengths(symbols, distances)
    const dynamicBits = header.bits + this.#countBits(symbols, distances)

    const [fixedBytes, dynamicBytes] = [fixedBits, dynamicBits].map(bits => (bits + 3 + 7) >>> 3) as [number, number]
    const storable = content && bytes + 4 <= Math.min(fixedBytes, dynamicBytes)
    const type = storable ? STORED : fixedBytes <= dynamicBytes ? FIXED : DYNAMIC
    output.write(Number(final) | type! << 1, 3)
    if (type === STORED) this.#writeStored(content!)
    else if (type === FIXED) this.#writeCoded(fixedSymbols, fixedDistances)
    else {
      header.write(output)
      this.#writeCoded(symbols, distances)
    }

    this.#symbolCounts.fill(0)
    this.#distanceCounts.fill(0)
    this.#count = this.#matches = 0
  }

  #countBits (symbols: PrefixCode, distances: PrefixCode): number {
    return countBits(this.#symbolCounts, symbols, symbolExtraBits) +
      countBits(this.#distanceCounts, distances, distanceExtraBits)
  }

  #writeStored (content: Uint8Array): void {
    const output = this.#output
    output.align()
    output.write(content.length, 16)
    output.write(content.length ^ 0xffff, 16)
    output.writeBytes(content)
  }

  #writeCoded (symbols: PrefixCode, distances: PrefixCode): void {
    const output = this.#output
    for (let i = 0; i < this.#count; i++) {
      const [value, distance] = [this.#values[i]!, this.#distances[i]!]
      const symbol = distance === 0 ? value : lengthSymbol(value)
      output.write(symbols.codewords[symbol]!, symbols.lengths[symbol]!)
      if (distance === 0) continue
      const lengthCode = symbol - END_OF_BLOCK - 1
      output.write(value - lengthBases[lengthCode]!, lengthExtraBits[lengthCode]!)
      const code = distanceCode(distance)
      output.write(distances.codewords[code]!, distances.lengths[code]!)
      output.write(distance - distanceBases[code]!, distanceExtraBits[code]!)
    }
    output.write(symbols.codewords[END_OF_BLOCK]!, symbols.lengths[END_OF_BLOCK]!)
  }
}

function fixedCode (lengths: Uint8Array): PrefixCode {
  return { lengths, codewords: assignCodewords(lengths), last: lengths.length - 1 }
}

/** Encodes the codeword lengths of a block's two codes, as runs in a third code (RFC 1951 §3.2.7). */
function encodeCodeLengths (
  symbols: PrefixCode,
  distances: PrefixCode
): { readonly bits: number, write (output: BitWriter): void } {
  const runs = [symbols, distances].flatMap(({ lengths, last }) => encodeRuns(lengths.subarray(0, last + 1)))
  const counts = new Uint32Array(lengthAlphabetExtraBits.length)
  for (const { symbol } of runs) counts[symbol]!++
  const code = buildHuffmanCode(counts.slice(), 7)
  const sent = Math.max(4, lengthAlphabetOrder.findLastIndex(symbol => code.lengths[symbol] !== 0) + 1)
  return {
    bits: 5 + 5 + 4 + 3 * sent + countBits(counts, code, lengthAlphabetExtraBits),
    write (output) {
      output.write(symbols.last + 1 - 257, 5)
      output.write(distances.last, 5)
      output.write(sent - 4, 4)
      for (const symbol of lengthAlphabetOrder.slice(0, sent)) output.write(code.lengths[symbol]!, 3)
      for (const { symbol, extra } of runs) {
        output.write(code.codewords[symbol]!, code.lengths[symbol]!)
        output.write(extra, lengthAlphabetExtraBits[symbol]!)
      }
    }
  }
}

/** Encodes lengths as runs: symbol 16 repeats the previous length 3–6 times, 17 is 3–10 zeros, 18 is 11–138 zeros. */
function encodeRuns (lengths: Uint8Array): Array<{ symbol: number, extra: number }> {
  const runs: Array<{ symbol: number, extra: number }> = []
  for (let at = 0; at < lengths.length;) {
    const length = lengths[at]!
    const continues = at > 0 && lengths[at - 1] === length
    const longest = length === 0 ? 138 : continues ? 6 : 7
    let end = at + 1
    while (end < lengths.length && lengths[end] === length && end - at < longest) end++
    const count = end - at
    if (length === 0 && count >= 3) {
      runs.push(count <= 10 ? { symbol: 17, extra: count - 3 } : { symbol: 18, extra: count - 11 })
    } else if (length !== 0 && continues && count >= 3) {
      runs.push({ symbol: 16, extra: count - 3 })
    } else if (length !== 0 && !continues && count >= 4) {
      runs.push({ symbol: length, extra: 0 }, { symbol: 16, extra: count - 4 })
    } else {
      for (let i = 0; i < count; i++) runs.push({ symbol: length, extra: 0 })
    }
    at = end
  }
  return runs
}
