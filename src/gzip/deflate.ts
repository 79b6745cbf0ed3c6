import { BitWriter } from './bits.ts'
import { Block } from './block.ts'
import { MAX_MATCH, MIN_MATCH } from './codes.ts'

const WINDOW = 0x8000
const MIN_LOOKAHEAD = MAX_MATCH + MIN_MATCH + 1
const MAX_DISTANCE = WINDOW - MIN_LOOKAHEAD
/** Matches of three bytes that are further away cost more than the literals. */
const TOO_FAR = 4096

// What `gzip -6` means: how much is tried before a match is taken.
const GOOD_LENGTH = 8
const MAX_LAZY = 16
const NICE_LENGTH = 128
const MAX_CHAIN = 128

/**
 * A deflate stream (RFC 1951) of exactly the bytes that `gzip -6` makes of a file: strings of three bytes are found by
 * chains of hashes in the last 32 KiB, and a match is only taken once the next position has no better one.
 *
 * The window has twice that size and moves on by half. Where it stands decides which strings are still found, and at the end
 * what is left in it from before is compared too, so both are as there. Position 0 of the window stands for none.
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

  function fill (): void {
    let room = window.length - lookahead - position
    if (position >= WINDOW + MAX_DISTANCE) {
      window.copyWithin(0, WINDOW)
      moveOn(head)
      moveOn(previous)
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

  /** Puts the string at a position at the head of its chain; gives what was there. */
  function insert (at: number): number {
    const hash = (window[at]! << 10 ^ window[at + 1]! << 5 ^ window[at + 2]!) & (WINDOW - 1)
    const before = head[hash]!
    previous[at & (WINDOW - 1)] = before
    head[hash] = at
    return before
  }

  /** The length of the longest match that is longer than `best`, which it is otherwise. */
  function longestMatch (candidate: number, best: number): number {
    const limit = Math.max(0, position - MAX_DISTANCE)
    let chain = best >= GOOD_LENGTH ? MAX_CHAIN >> 2 : MAX_CHAIN
    do {
      if (window[candidate + best] === window[position + best] && window[candidate + best - 1] === window[position + best - 1]) {
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
    block.write(blockStart >= 0 ? window.subarray(blockStart, position) : undefined, position - blockStart, final)
    blockStart = position
  }

  let length = MIN_MATCH - 1
  let pending = false
  do fill(); while (lookahead < MIN_LOOKAHEAD && !ended)
  while (lookahead > 0) {
    const candidate = insert(position)
    const [lastLength, lastStart] = [length, matchStart]
    length = MIN_MATCH - 1
    if (candidate !== 0 && lastLength < MAX_LAZY && position - candidate <= MAX_DISTANCE && position <= window.length - MIN_LOOKAHEAD) {
      length = Math.min(longestMatch(candidate, lastLength), lookahead)
      if (length === MIN_MATCH && position - matchStart > TOO_FAR) length--
    }

    if (lastLength >= MIN_MATCH && length <= lastLength) {
      block.match(lastLength, position - 1 - lastStart)
      const complete = block.isComplete(position - blockStart)
      lookahead -= lastLength - 1
      for (let left = lastLength - 2; left > 0; left--) insert(++position)
      pending = false
      length = MIN_MATCH - 1
      position++
      if (complete) flush(false)
    } else {
      if (pending) {
        block.literal(window[position - 1]!)
        if (block.isComplete(position - blockStart)) flush(false)
      }
      pending = true
      position++
      lookahead--
    }
    while (lookahead < MIN_LOOKAHEAD && !ended) fill()
  }
  if (pending) block.literal(window[position - 1]!)
  flush(true)
  output.align()
  return output.take()
}

/** Positions when the window has moved on by half; those that are no longer in it stand for none. */
function moveOn (positions: Uint16Array): void {
  for (let i = 0; i < positions.length; i++) positions[i] = Math.max(0, positions[i]! - WINDOW)
}
