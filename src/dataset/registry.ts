import type { DatasetEntry } from './entry.ts'
import type { Originals } from './originals.ts'
import type { PreparedDataset } from './prepared.ts'
import type { Progress } from './progress.ts'

/** The part of a declaration that is known before the files of a dataset are inspected. */
export type DatasetHead = Pick<DatasetEntry, 'name' | 'title'>

/** A prepared dataset and its files for download. */
export interface LoadedDataset extends PreparedDataset {
  readonly originals: Originals
}

export type DatasetState =
  | { readonly status: 'loading', readonly entry: DatasetHead, readonly progress: Progress | undefined }
  | { readonly status: 'ready', readonly entry: DatasetEntry, readonly dataset: LoadedDataset }
  | { readonly status: 'failed', readonly entry: DatasetHead, readonly reason: string }

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

  progress (entry: DatasetHead, progress: Progress): void {
    this.#states.set(entry.name, { status: 'loading', entry, progress })
  }

  ready (dataset: LoadedDataset): void {
    this.#states.set(dataset.entry.name, { status: 'ready', entry: dataset.entry, dataset })
  }

  fail (entry: DatasetHead, reason: string): void {
    this.#states.set(entry.name, { status: 'failed', entry, reason })
  }
}
