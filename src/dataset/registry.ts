import type { MapSource } from './dataset-map.ts'
import type { DatasetEntry } from './entry.ts'
import type { Originals } from './originals.ts'
import type { PreparedDataset } from './prepared.ts'
import type { Progress } from './progress.ts'

/** The part of a declaration that is known before the files of a dataset are inspected. */
export type DatasetHead = Pick<DatasetEntry, 'name' | 'title'>

/** A prepared dataset and its files for download. */
export interface LoadedDataset extends PreparedDataset {
  readonly originals: Originals
  readonly map: MapSource
}

export type DatasetState =
  | { readonly status: 'loading', readonly entry: DatasetHead, readonly progress: Progress | undefined }
  | { readonly status: 'ready', readonly entry: DatasetEntry, readonly dataset: LoadedDataset }
  | FailedState

/** A dataset that could not be loaded. It stays in this state until an attempt succeeds. */
export interface FailedState {
  readonly status: 'failed'
  readonly entry: DatasetHead
  readonly reason: string
  /** Failures so far. */
  readonly attempts: number
  /** Earliest time of the next attempt, in milliseconds since 1970; undefined while one is running. */
  readonly nextAttempt: number | undefined
  /** The same as `performance.now()` gives it, since the clock may be set. */
  readonly due: number | undefined
  /** That of the attempt that is running. */
  readonly progress: Progress | undefined
}

/** The datasets that this process serves, by name, and the state of each. A ready dataset never changes. */
export class DatasetRegistry {
  readonly #states: Map<string, DatasetState>

  /** @param heads datasets that are going to be loaded */
  constructor (heads: Iterable<DatasetHead>) {
    this.#states = new Map(Array.from(heads, entry => [entry.name, { status: 'loading', entry, progress: undefined }]))
  }

  get names (): string[] { return [...this.#states.keys()] }
  get states (): DatasetState[] { return [...this.#states.values()] }

  state (name: string): DatasetState | undefined {
    return this.#states.get(name)
  }

  /** Starts an attempt to load a dataset. */
  start (entry: DatasetHead): void {
    this.#update(entry, undefined)
  }

  progress (entry: DatasetHead, progress: Progress): void {
    this.#update(entry, progress)
  }

  ready (dataset: LoadedDataset): void {
    this.#states.set(dataset.entry.name, { status: 'ready', entry: dataset.entry, dataset })
  }

  /** @param nextAttempt earliest time of the next attempt, in milliseconds since 1970 */
  fail (entry: DatasetHead, reason: string, nextAttempt?: number): void {
    const previous = this.#states.get(entry.name)
    const attempts = previous?.status === 'failed' ? previous.attempts + 1 : 1
    const due = nextAttempt === undefined ? undefined : performance.now() + nextAttempt - Date.now()
    this.#states.set(entry.name, { status: 'failed', entry, reason, attempts, nextAttempt, due, progress: undefined })
  }

  /** A retry does not make a dataset `loading` again, since that would make the whole service unready. */
  #update (entry: DatasetHead, progress: Progress | undefined): void {
    const previous = this.#states.get(entry.name)
    const state: DatasetState = previous?.status === 'failed'
      ? { ...previous, nextAttempt: undefined, due: undefined, progress }
      : { status: 'loading', entry, progress }
    this.#states.set(entry.name, state)
  }
}
