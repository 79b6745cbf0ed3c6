import type { DatasetMap, MapProgress } from '../../src/dataset/dataset-map.ts'
import type { SplitName } from '../../src/dataset/sample-splits.ts'
import { request, type Query } from './api.ts'
import { splitPath } from './dataset.ts'
import { readNpy } from './npy.ts'
import type { Dataset } from './types.ts'

export type Findings = Pick<DatasetMap, 'duplicates' | 'suspects'>
export type { MapProgress }

const POLL_MS = 1000

/** The x and y of each sample of a split, as soon as they are computed. */
export async function loadPoints (
  dataset: Dataset,
  split: SplitName,
  onProgress: (progress: MapProgress) => void,
  signal: AbortSignal
): Promise<Float32Array> {
  const query = { format: 'npy', version: dataset.version }
  const response = await requestComputed(splitPath(dataset, split, 'map'), query, onProgress, signal)
  return readNpy(await response.arrayBuffer()).values as Float32Array
}

/** Near-duplicates and likely label errors, as soon as they are computed. */
export async function loadFindings (dataset: Dataset, signal: AbortSignal): Promise<Findings> {
  const path = `v1/datasets/${dataset.dataset}/findings`
  return await (await requestComputed(path, { version: dataset.version }, () => {}, signal)).json()
}

async function requestComputed (
  path: string,
  query: Query,
  onProgress: (progress: MapProgress) => void,
  signal: AbortSignal
): Promise<Response> {
  for (;;) {
    const response = await request(path, query, { signal })
    if (response.status !== 202) return response
    onProgress(await response.json())
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
    signal.throwIfAborted()
  }
}
