import { createRequire } from 'node:module'
import { yieldToEventLoop } from './event-loop.ts'

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
