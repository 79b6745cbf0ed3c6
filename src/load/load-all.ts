import { setTimeout as delay } from 'node:timers/promises'
import type { DatasetHead, DatasetRegistry, LoadedDataset } from '../dataset/registry.ts'

export interface LoadAllOptions {
  readonly registry: DatasetRegistry
  readonly load: (head: DatasetHead) => Promise<LoadedDataset>
  readonly signal: AbortSignal
  /** Longest pause after the first failure of a dataset. */
  readonly retryDelayMs: number
  /**
   * Called with each failure, and the milliseconds until the next attempt. If it throws, loading ends with its error.
   *
   * @returns the reason to publish
   */
  readonly onFailure: (head: DatasetHead, error: unknown, delayMs: number) => string
}

/** Longest pause between two attempts, unless the first one is longer. */
const MAX_DELAY_MS = 600_000

/**
 * Loads the datasets of a registry one after the other, so that at most one is prepared at a time.
 *
 * @returns once each was tried; `retrying` continues with those that failed
 */
export async function loadAll (options: LoadAllOptions): Promise<{ readonly retrying: Promise<void> }> {
  const { registry, signal } = options
  for (const { entry } of registry.states) {
    if (!signal.aborted) await attempt(entry, options)
  }
  return { retrying: retryFailed(options) }
}

/** Retries failed datasets, in the order in which they are due, until none is left. */
async function retryFailed (options: LoadAllOptions): Promise<void> {
  const { registry, signal } = options
  while (!signal.aborted) {
    const failed = registry.states.filter(state => state.status === 'failed')
    if (failed.length === 0) return
    const next = failed.reduce((first, state) => state.due! < first.due! ? state : first)
    await delay(Math.max(0, next.due! - performance.now()), undefined, { signal }).catch(() => {})
    if (!signal.aborted) await attempt(next.entry, options)
  }
}

async function attempt (head: DatasetHead, { registry, load, signal, retryDelayMs, onFailure }: LoadAllOptions) {
  registry.start(head)
  try {
    registry.ready(await load(head))
  } catch (error) {
    if (signal.aborted) return
    const state = registry.state(head.name)
    const failures = state?.status === 'failed' ? state.attempts + 1 : 1
    const delayMs = pauseAfter(failures, retryDelayMs)
    registry.fail(head, onFailure(head, error, delayMs), Date.now() + delayMs)
  }
}

/** Milliseconds to wait: twice as long after each failure, less up to half of it, so that replicas spread out. */
export function pauseAfter (failures: number, firstMs: number): number {
  const longest = Math.min(Math.max(firstMs, MAX_DELAY_MS), firstMs * 2 ** (failures - 1))
  return Math.round(longest * (1 - Math.random() / 2))
}
