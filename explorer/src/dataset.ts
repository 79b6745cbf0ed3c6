import { computed, effect, signal } from '@preact/signals'
import type { ImageShape } from '../../src/dataset/image-shape.ts'
import type { SplitName } from '../../src/dataset/sample-splits.ts'
import { generation, getBytes, getJson, isReachable } from './api.ts'
import { readNpy } from './npy.ts'
import { datasetName } from './parameters.ts'
import type { Dataset, DatasetList, DatasetState } from './types.ts'

/** Milliseconds between requests for the state of the datasets. */
const LOADING_MS = 300
const FAILED_MS = 1000

export const list = signal<DatasetList | undefined>(undefined)
export const listError = signal<Error | undefined>(undefined)

/** The dataset that the page shows, whatever its state. */
export const state = computed<DatasetState | undefined>(() => {
  const datasets = list.value?.datasets ?? []
  return datasets.find(({ name }) => name === datasetName.value) ?? datasets[0]
})

/** Its description, once it is ready. */
export const dataset = signal<Dataset | undefined>(undefined)

let timer: ReturnType<typeof setTimeout> | undefined

/** Reads the states until no dataset is being prepared or has failed. */
async function poll (): Promise<void> {
  clearTimeout(timer)
  try {
    list.value = await getJson<DatasetList>('v1/datasets')
    listError.value = undefined
  } catch (error) {
    // A server that cannot be reached starts a new generation when it returns.
    if (isReachable.value) listError.value = error as Error
    return
  }
  const { datasets } = list.value
  if (datasets.every(({ status }) => status === 'ready')) return
  timer = setTimeout(poll, datasets.some(({ status }) => status === 'loading') ? LOADING_MS : FAILED_MS)
}

/** Keeps `list` and `dataset` up to date. */
export function watchDatasets (): void {
  effect(() => {
    if (generation.value >= 0) poll()
  })
  effect(() => {
    const { name, status, version } = state.value ?? {}
    if (status !== 'ready' || name === undefined) {
      dataset.value = undefined
      return
    }
    if (dataset.peek()?.dataset === name && dataset.peek()?.version === version) return
    getJson<Dataset>(`v1/datasets/${name}`, {}).then(description => {
      if (state.peek()?.name === name) dataset.value = description
    }, error => { if (isReachable.value) listError.value = error })
  })
}

export function imageShape ({ shape }: Dataset): ImageShape {
  const [rows, columns] = shape.slice(-2)
  return { channels: shape.length === 3 ? 3 : 1, rows: rows!, columns: columns! }
}

/** The path of a resource of a split. */
export function splitPath ({ dataset }: Pick<Dataset, 'dataset'>, split: SplitName, resource = ''): string {
  return `v1/datasets/${dataset}/splits/${split}${resource && `/${resource}`}`
}

const labelCache = new Map<string, Promise<Uint8Array>>()

/** The label of every sample of a split. */
export function loadLabels (dataset: Dataset, split: SplitName): Promise<Uint8Array> {
  const key = `${dataset.dataset}/${dataset.version}/${split}`
  let labels = labelCache.get(key)
  if (!labels) {
    labels = getBytes(splitPath(dataset, split, 'labels'), { format: 'npy', version: dataset.version })
      .then(bytes => readNpy(bytes).values as Uint8Array)
    labels.catch(() => labelCache.delete(key))
    labelCache.set(key, labels)
  }
  return labels
}
