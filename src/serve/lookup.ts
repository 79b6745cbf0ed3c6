import { splitNames, type PreparedDataset, type SplitName } from '../dataset.ts'
import { ServiceError } from '../errors.ts'
import type { DatasetStore } from '../store/store.ts'

/**
 * The dataset of that name, ready to be served.
 *
 * @param version the one that the client insists on, if any
 * @throws ServiceError unknown_dataset, dataset_loading with its progress, dataset_failed with the reason, unknown_version
 */
export function readyDataset (store: DatasetStore, name: string, version?: string): PreparedDataset {
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
