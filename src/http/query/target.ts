import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { DatasetRegistry, LoadedDataset, FailedState } from '../../dataset/registry.ts'
import { splitNames, type SplitName } from '../../dataset/sample-splits.ts'
import type { Format } from '../../encode/format.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { abbreviate, ServiceError } from '../../errors.ts'

/** The part of a request that selects a split and a format. */
export interface SplitRequest {
  readonly params: { readonly dataset: string, readonly split: string }
  readonly query: { readonly format?: string, readonly version?: string }
  readonly headers: { readonly accept?: string | undefined }
}

export interface SplitTarget<F extends Format> {
  readonly dataset: LoadedDataset
  readonly split: SplitName
  readonly format: F
}

/** @throws ServiceError as `resolveDataset`; unknown_split, not_acceptable */
export function resolveTarget<F extends Format> (
  registry: DatasetRegistry,
  formats: readonly F[],
  { params, query, headers }: SplitRequest
): SplitTarget<F> {
  return {
    dataset: resolveDataset(registry, params.dataset, query.version),
    split: resolveSplit(params.split),
    format: negotiate(formats, { format: query.format, accept: headers.accept })
  }
}

/**
 * The prepared dataset of a name.
 *
 * @param version that the client requires, if any
 * @throws ServiceError unknown_dataset, dataset_loading with its progress, dataset_failed with the reason
 * and the next attempt, unknown_version
 */
export function resolveDataset (registry: DatasetRegistry, name: string, version?: string): LoadedDataset {
  const state = registry.state(name)
  if (!state) {
    const detail = `there is no dataset '${abbreviate(name)}'; there are: ${registry.names.join(', ')}`
    throw new ServiceError('unknown_dataset', detail)
  }
  if (state.status === 'loading') {
    const members = { progress: state.progress }
    throw new ServiceError('dataset_loading', `${name} is still being prepared`, { members, retryAfter: 1 })
  }
  if (state.status === 'failed') {
    const { reason, ...members } = describeFailure(state)
    const retryAfter = secondsToRetry(state)
    throw new ServiceError('dataset_failed', `${name} could not be prepared: ${reason}`, { members, retryAfter })
  }
  if (version !== undefined && version !== state.dataset.version) {
    const detail = `${name} has no version '${abbreviate(version)}'; the current one is ${state.dataset.version}`
    throw new ServiceError('unknown_version', detail)
  }
  return state.dataset
}

/** @throws ServiceError unknown_split */
export function resolveSplit (name: string): SplitName {
  const split = splitNames.find(known => known === name)
  if (split) return split
  const detail = `there is no split '${abbreviate(name)}'; there are: ${splitNames.join(', ')}`
  throw new ServiceError('unknown_split', detail)
}

/** @throws ServiceError unknown_sample if an id is beyond the split */
export function assertKnownSamples (ids: readonly number[], { splits }: PreparedDataset, split: SplitName): void {
  const { count } = splits[split]
  const unknown = ids.find(id => id >= count)
  if (unknown === undefined) return
  throw new ServiceError('unknown_sample', `${split} has ${count} samples, 0 to ${count - 1}; there is no ${unknown}`)
}

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
