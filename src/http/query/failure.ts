import type { FailedState } from '../../dataset/registry.ts'

/** What responses say about a dataset that could not be loaded. */
export function describeFailure ({ reason, attempts, nextAttempt, progress }: FailedState) {
  return {
    reason,
    attempts,
    ...(nextAttempt !== undefined && { next_attempt: new Date(nextAttempt).toISOString() }),
    ...(progress && { progress })
  }
}

/** Seconds until the next attempt to load a dataset, or until an attempt that is running may have an end. */
export function secondsToRetry ({ due }: FailedState): number {
  return due === undefined ? 1 : Math.max(1, Math.ceil((due - performance.now()) / 1000))
}
