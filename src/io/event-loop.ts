import { setImmediate } from 'node:timers/promises'

/** Milliseconds that a long computation runs before it yields to the event loop. */
export const TIME_SLICE_MS = 5

let lastYield: Promise<void> = Promise.resolve()

/**
 * Resolves in an event loop turn that no other caller resumes in, so that many long computations at once make no turn longer
 * than one does.
 */
export function yieldToEventLoop (): Promise<void> {
  return (lastYield = lastYield.then(() => setImmediate()))
}
