import { setImmediate } from 'node:timers/promises'

/** Milliseconds that long work takes of a turn of the event loop before others have theirs. */
export const TURN_MS = 5

let turns: Promise<void> = Promise.resolve()

/** Waits for a turn of the event loop that no other long work has: much of it at the same time makes none of the turns longer. */
export function turn (): Promise<void> {
  return (turns = turns.then(() => setImmediate()))
}
