import { createRequire } from 'node:module'
import { setImmediate } from 'node:timers/promises'

/** Milliseconds that a long computation runs before it yields to the event loop. */
export const TIME_SLICE_MS = 2

let lastYield: Promise<void> = Promise.resolve()

/**
 * Resolves in an event loop turn that no other caller resumes in, so that many long computations at once make no turn
 * longer than one does.
 */
export function yieldToEventLoop (): Promise<void> {
  return (lastYield = lastYield.then(() => setImmediate()))
}

/**
 * Calls `work` for consecutive ranges of `step` elements that cover 0 … count−1, in order, and yields to the event loop
 * between time slices.
 */
export async function inTimeSlices (
  count: number,
  step: number,
  work: (start: number, end: number) => void
): Promise<void> {
  let sliceStart = performance.now()
  for (let start = 0; start < count; start += step) {
    if (performance.now() - sliceStart > TIME_SLICE_MS) {
      await yieldToEventLoop()
      sliceStart = performance.now()
    }
    work(start, Math.min(start + step, count))
  }
}

const require = createRequire(import.meta.url)

const MISSING: ReadonlySet<string | undefined> = new Set(['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'])

/**
 * Loads CommonJS modules one after the other, yielding to the event loop between them: loading a large package at once
 * would block it. Modules that a version of the package does not have are left out.
 *
 * @param steps modules that the package consists of
 */
export async function requireInSteps (steps: readonly string[]): Promise<void> {
  for (const step of steps) {
    await yieldToEventLoop()
    try {
      require(step)
    } catch (error) {
      if (!MISSING.has((error as NodeJS.ErrnoException).code)) throw error
    }
  }
  await yieldToEventLoop()
}
