import { BitWriter } from './bits.ts'
import { Block } from './block.ts'
import { MAX_MATCH, MIN_MATCH } from './codes.ts'

const WINDOW = 0x8000
const MIN_LOOKAHEAD = MAX_MATCH + MIN_MATCH + 1
const MAX_DISTANCE = WINDOW - MIN_LOOKAHEAD
/** A match of three bytes that is further away costs more than three literals. */
const TOO_FAR = 4096

// Parameters of compression level 6: how hard to search before accepting a match.
const GOOD_LENGTH = 8
const MAX_LAZY = 16
const NICE_LENGTH = 128
const MAX_CHAIN = 128

/**
 * Compresses into the deflate stream (RFC 1951) that `gzip -6` produces, bit for bit. Hash chains find earlier strings
 * of three bytes within 32 KiB, and a match is accepted only if the next position has no better one (lazy matching).
 *
 * The buffer holds two windows and slides by one. When it slides decides which strings are still found, and stale bytes
 * at its end take part in comparisons, so both follow gzip exactly. Position 0 marks the end of a chain.
 */
export function deflate (content: Uint8Array): Uint8Array {
  const window = new Uint8Array(2 * WINDOW)
  const head = new Uint16Array(WINDOW)
  const previous = new Uint16Array(WINDOW)
  const output = new BitWriter()
  const block = new Block(output)
  let read = 0
  let ended = false
  let position = 0
  let lookahead = 0
  let blockStart = 0
  let matchStart = 0

  /** Slides the window if it is nearly used up, and reads content into it. */
  function fill (): void {
    let room = window.length - lookahead - position
    if (position >= WINDOW + MAX_DISTANCE) {
      window.copyWithin(0, WINDOW)
      slidePositions(head)
      slidePositions(previous)
      matchStart -= WINDOW
      position -= WINDOW
      blockStart -= WINDOW
      room += WINDOW
    }
    const chunk = content.subarray(read, read + room)
    window.set(chunk, position + lookahead)
    read += chunk.length
    lookahead += chunk.length
    if (chunk.length > 0) return
    ended = true
    window.fill(0, position + lookahead, position + lookahead + MIN_MATCH - 1)
  }

  /** Makes the string at a position the head of its hash chain, and returns the former head. */
  function insert (at: number): number {
    const hash = (window[at]! << 10 ^ window[at + 1]! << 5 ^ window[at + 2]!) & (WINDOW - 1)
    const formerHead = head[hash]!
    previous[at & (WINDOW - 1)] = formerHead
    head[hash] = at
    return formerHead
  }

  /** Searches a chain for matches longer than `best`; sets `matchStart` and returns the greatest length. */
  function longestMatch (candidate: number, best: number): number {
    const limit = Math.max(0, position - MAX_DISTANCE)
    let chain = best >= GOOD_LENGTH ? MAX_CHAIN >> 2 : MAX_CHAIN
    do {
      if (
        window[candidate + best] === window[position + best] &&
        window[candidate + best - 1] === window[position + best - 1]
      ) {
        let length = 0
        while (length < MAX_MATCH && window[candidate + length] === window[position + length]) length++
        if (length > best) {
          matchStart = candidate
          best = length
          if (length >= NICE_LENGTH) break
        }
      }
      candidate = previous[candidate & (WINDOW - 1)]!
    } while (candidate > limit && --chain !== 0)
    return best
  }

  function flush (final: boolean): void {
    const blockContent = blockStart >= 0 ? window.subarray(blockStart, position) : undefined
    block.write(blockContent, position - blockStart, final)
    blockStart = position
  }

  let length = MIN_MATCH - 1
  let pendingLiteral = false
  do fill(); while (lookahead < MIN_LOOKAHEAD && !ended)
  while (lookahead > 0) {
    const candidate = insert(position)
    const [lastLength, lastStart] = [length, matchStart]
    length = MIN_MATCH - 1
    const reachable = candidate !== 0 && position - candidate <= MAX_DISTANCE
    if (reachable && lastLength < MAX_LAZY && position <= window.length - MIN_LOOKAHEAD) {
      length = Math.min(longestMatch(candidate, lastLength), lookahead)
      if (length === MIN_MATCH && position - matchStart > TOO_FAR) length--
    }

    if (lastLength >= MIN_MATCH && length <= lastLength) {
      // The match at the last position is at least as good.
      block.addMatch(lastLength, position - 1 - lastStart)
      const complete = block.isComplete(position - blockStart)
      lookahead -= lastLength - 1
      for (let left = lastLength - 2; left > 0; left--) insert(++position)
      pendingLiteral = false
      length = MIN_MATCH - 1
      position++
      if (complete) flush(false)
    } else {
      if (pendingLiteral) {
        block.addLiteral(window[position - 1]!)
        if (block.isComplete(position - blockStart)) flush(false)
      }
      pendingLiteral = true
      position++
      lookahead--
    }
    while (lookahead < MIN_LOOKAHEAD && !ended) fill()
  }
  if (pendingLiteral) block.addLiteral(window[position - 1]!)
  flush(true)
  output.align()
  return output.toBytes()
}

/** Adjusts positions after the window has slid; those that left it become 0. */
function slidePositions (positions: Uint16Array): void {
  for (let i = 0; i < positions.length; i++) positions[i] = Math.max(0, positions[i]! - WINDOW)
}
