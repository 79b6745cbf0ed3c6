import type { BitWriter } from './bits.ts'
import { END_OF_BLOCK, distanceBases, distanceCode, distanceExtraBits, lengthBases, lengthExtraBits, lengthSymbol, symbolExtraBits } from './codes.ts'
import { bitsOf, huffmanCode, wordsOf, type PrefixCode } from './huffman.ts'

/** Literals and matches that a block may have at most. */
const CAPACITY = 0x8000 - 1
/** After so many, and each time as many, it is asked whether the block had better end. */
const REVIEW = 0x1000

const SYMBOLS = 286
const DISTANCES = 30
const [STORED, FIXED, DYNAMIC] = [0, 1, 2]

/** The code of RFC 1951 §3.2.6. */
const fixedSymbols = fixed(Uint8Array.from({ length: 288 }, (_, symbol) => symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8))
const fixedDistances = fixed(new Uint8Array(DISTANCES).fill(5))

/** The alphabet of code lengths: 0 to 15, and repetitions with so many extra bits; and the order in which its own are sent. */
const runExtraBits = [...new Array<number>(16).fill(0), 2, 3, 7]
const runOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** One block of a deflate stream, collected until it is full and then written in the form that takes the fewest bytes. */
export class Block {
  readonly #output: BitWriter
  /** Literals, or lengths of matches. */
  readonly #values = new Uint16Array(CAPACITY)
  /** Of matches; 0 for a literal. */
  readonly #distances = new Uint16Array(CAPACITY)
  readonly #symbolCounts = new Uint32Array(SYMBOLS)
  readonly #distanceCounts = new Uint32Array(DISTANCES)
  #count = 0
  #matches = 0

  constructor (output: BitWriter) {
    this.#output = output
  }

  literal (byte: number): void {
    this.#values[this.#count] = byte
    this.#distances[this.#count++] = 0
    this.#symbolCounts[byte]!++
  }

  match (length: number, distance: number): void {
    this.#values[this.#count] = length
    this.#distances[this.#count++] = distance
    this.#matches++
    this.#symbolCounts[lengthSymbol(length)]!++
    this.#distanceCounts[distanceCode(distance)]!++
  }

  /**
   * Whether the block is to be written before anything is added: because it is full, or because it compresses so well
   * that what follows may deserve codes of its own.
   *
   * @param bytes of content that went into it
   */
  isComplete (bytes: number): boolean {
    if (this.#count % REVIEW === 0 && this.#matches < this.#count >> 1) {
      const distanceBits = this.#distanceCounts.reduce((sum, count, code) => sum + count * (5 + distanceExtraBits[code]!), 0)
      if (Math.floor((8 * this.#count + distanceBits) / 8) < bytes >> 1) return true
    }
    return this.#count === CAPACITY
  }

  /**
   * Writes the block, and begins another.
   *
   * @param content of the block, if it is still at hand
   * @param bytes of the content
   */
  write (content: Uint8Array | undefined, bytes: number, final: boolean): void {
    const output = this.#output
    this.#symbolCounts[END_OF_BLOCK] = 1
    // The codes first: they may add symbols that do not occur, which are counted nowhere.
    const fixedBits = bitsOf(this.#symbolCounts, fixedSymbols, symbolExtraBits) + bitsOf(this.#distanceCounts, fixedDistances, distanceExtraBits)
    const [symbolCounts, distanceCounts] = [this.#symbolCounts.slice(), this.#distanceCounts.slice()]
    const symbols = huffmanCode(symbolCounts, 15)
    const distances = huffmanCode(distanceCounts, 15)
    const header = codeLengths(symbols, distances)
    const dynamicBits = header.bits + bitsOf(this.#symbolCounts, symbols, symbolExtraBits) + bitsOf(this.#distanceCounts, distances, distanceExtraBits)

    const [fixedBytes, dynamicBytes] = [fixedBits, dynamicBits].map(bits => (bits + 3 + 7) >>> 3) as [number, number]
    const type = content && bytes + 4 <= Math.min(fixedBytes, dynamicBytes) ? STORED : fixedBytes <= dynamicBytes ? FIXED : DYNAMIC
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

  #writeStored (content: Uint8Array): void {
    const output = this.#output
    output.align()
    output.write(content.length, 16)
    output.write(content.length ^ 0xffff, 16)
    output.bytes(content)
  }

  #writeCoded (symbols: PrefixCode, distances: PrefixCode): void {
    const output = this.#output
    for (let i = 0; i < this.#count; i++) {
      const [value, distance] = [this.#values[i]!, this.#distances[i]!]
      const symbol = distance === 0 ? value : lengthSymbol(value)
      output.write(symbols.words[symbol]!, symbols.lengths[symbol]!)
      if (distance === 0) continue
      const code = symbol - END_OF_BLOCK - 1
      output.write(value - lengthBases[code]!, lengthExtraBits[code]!)
      const distanceSymbol = distanceCode(distance)
      output.write(distances.words[distanceSymbol]!, distances.lengths[distanceSymbol]!)
      output.write(distance - distanceBases[distanceSymbol]!, distanceExtraBits[distanceSymbol]!)
    }
    output.write(symbols.words[END_OF_BLOCK]!, symbols.lengths[END_OF_BLOCK]!)
  }
}

function fixed (lengths: Uint8Array): PrefixCode {
  return { lengths, words: wordsOf(lengths), last: lengths.length - 1 }
}

/** How the lengths of two codes' words are sent: themselves in a code of runs (RFC 1951 §3.2.7). */
function codeLengths (symbols: PrefixCode, distances: PrefixCode): { bits: number, write (output: BitWriter): void } {
  const runs = [symbols, distances].flatMap(({ lengths, last }) => runsOf(lengths.subarray(0, last + 1)))
  const counts = new Uint32Array(runExtraBits.length)
  for (const { symbol } of runs) counts[symbol]!++
  const used = counts.slice()
  const code = huffmanCode(used, 7)
  const sent = Math.max(4, runOrder.findLastIndex(symbol => code.lengths[symbol] !== 0) + 1)
  return {
    bits: 5 + 5 + 4 + 3 * sent + bitsOf(counts, code, runExtraBits),
    write (output) {
      output.write(symbols.last + 1 - 257, 5)
      output.write(distances.last, 5)
      output.write(sent - 4, 4)
      for (const symbol of runOrder.slice(0, sent)) output.write(code.lengths[symbol]!, 3)
      for (const { symbol, extra } of runs) {
        output.write(code.words[symbol]!, code.lengths[symbol]!)
        output.write(extra, runExtraBits[symbol]!)
      }
    }
  }
}

/** Lengths as symbols: 16 repeats the last one 3 to 6 times, 17 is 3 to 10 zeros, 18 is 11 to 138. */
function runsOf (lengths: Uint8Array): Array<{ symbol: number, extra: number }> {
  const runs: Array<{ symbol: number, extra: number }> = []
  for (let at = 0; at < lengths.length;) {
    const length = lengths[at]!
    let end = at + 1
    const repeated = at > 0 && lengths[at - 1] === length
    const most = length === 0 ? 138 : repeated ? 6 : 7
    while (end < lengths.length && lengths[end] === length && end - at < most) end++
    const count = end - at
    if (length === 0 && count >= 3) runs.push(count <= 10 ? { symbol: 17, extra: count - 3 } : { symbol: 18, extra: count - 11 })
    else if (length !== 0 && repeated && count >= 3) runs.push({ symbol: 16, extra: count - 3 })
    else if (length !== 0 && !repeated && count >= 4) runs.push({ symbol: length, extra: 0 }, { symbol: 16, extra: count - 4 })
    else for (let i = 0; i < count; i++) runs.push({ symbol: length, extra: 0 })
    at = end
  }
  return runs
}
