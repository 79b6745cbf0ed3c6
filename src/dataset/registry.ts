import type { DatasetEntry, PreparedDataset, Progress } from './entry.ts'

/** What is known of a dataset before its files are looked at. */
export type DatasetHead = Pick<DatasetEntry, 'name' | 'title'>

export type DatasetState =
  | { readonly status: 'loading', readonly entry: DatasetHead, readonly progress: Progress | undefined }
  | { readonly status: 'ready', readonly entry: DatasetEntry, readonly dataset: PreparedDataset }
  | { readonly status: 'failed', readonly entry: DatasetHead, readonly reason: string }

/** The datasets that this process serves, and how far each is. A prepared dataset never changes. */
export class DatasetRegistry {
  readonly #states: Map<string, DatasetState>
  #revision = 0

  /** @param entries datasets that are going to be loaded */
  constructor (entries: Iterable<DatasetHead>) {
    this.#states = new Map(Array.from(entries, entry => [entry.name, { status: 'loading', entry, progress: undefined }]))
  }

  /** Changes whenever what is served does. */
  get revision (): number { return this.#revision }
  get names (): string[] { return [...this.#states.keys()] }
  get states (): DatasetState[] { return [...this.#states.values()] }

  state (name: string): DatasetState | undefined {
    return this.#states.get(name)
  }

  progress (entry: DatasetHead, progress: Progress): void {
    this.#states.set(entry.name, { status: 'loading', entry, progress })
  }

  ready (dataset: PreparedDataset): void {
    this.#states.set(dataset.entry.name, { status: 'ready', entry: dataset.entry, dataset })
    this.#revision++
  }

  fail (entry: DatasetHead, reason: string): void {
    this.#states.set(entry.name, { status: 'failed', entry, reason })
    this.#revision++
  }
}
