import { splitNames, type PreparedDataset, type SplitName } from '../../dataset/entry.ts'
import type { Format } from '../../encode/format.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { ServiceError } from '../../errors.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'

/** The part of a request that says what of which split is wanted, in which format. */
export interface SplitRequest {
  readonly params: { readonly dataset: string, readonly split: string }
  readonly query: { readonly format?: string, readonly version?: string }
  readonly headers: { readonly accept?: string | undefined }
}

/**
 * What every request to a split begins with.
 *
 * @throws ServiceError as readyDataset does; unknown_split, not_acceptable
 */
export function requested<F extends Format> (store: DatasetRegistry, formats: readonly F[], { params, query, headers }: SplitRequest): { dataset: PreparedDataset, split: SplitName, format: F } {
  return {
    dataset: readyDataset(store, params.dataset, query.version),
    split: splitName(params.split),
    format: negotiate(formats, { format: query.format, accept: headers.accept })
  }
}

/**
 * The dataset of that name, ready to be served.
 *
 * @param version the one that the client insists on, if any
 * @throws ServiceError unknown_dataset, dataset_loading with its progress, dataset_failed with the reason, unknown_version
 */
export function readyDataset (store: DatasetRegistry, name: string, version?: string): PreparedDataset {
  const state = store.state(name)
  if (!state) {
    throw new ServiceError('unknown_dataset', `there is no dataset '${name}'; there are: ${store.names.join(', ')}`)
  }
  if (state.status === 'loading') {
    throw new ServiceError('dataset_loading', `${name} is still being prepared`, { members: { progress: state.progress } })
  }
  if (state.status === 'failed') {
    throw new ServiceError('dataset_failed', `${name} could not be prepared: ${state.reason}`)
  }
  if (version !== undefined && version !== state.dataset.version) {
    throw new ServiceError('unknown_version', `${name} has no version '${version}'; the current one is ${state.dataset.version}`)
  }
  return state.dataset
}

/** @throws ServiceError unknown_split */
export function splitName (name: string): SplitName {
  const split = splitNames.find(known => known === name)
  if (!split) throw new ServiceError('unknown_split', `there is no split '${name}'; there are: ${splitNames.join(', ')}`)
  return split
}

/** @throws ServiceError unknown_sample, where one of these ids is none of the split's */
export function refuseUnknown (ids: readonly number[], { splits }: PreparedDataset, split: SplitName): void {
  const { count } = splits[split]
  const unknown = ids.find(id => id >= count)
  if (unknown !== undefined) throw new ServiceError('unknown_sample', `${split} has ${count} samples, 0 to ${count - 1}; there is no ${unknown}`)
}
