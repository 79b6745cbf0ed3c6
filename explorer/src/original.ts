import type { SplitName } from '../../src/dataset/sample-splits.ts'
import { getJson, request } from './api.ts'
import { imageShape, splitPath } from './dataset.ts'
import { useResource, type Resource } from './resource.ts'
import type { LoadedSample } from './sample-image.tsx'
import type { Dataset } from './types.ts'

const IDX_HEADER = 16

/**
 * A sample before denoising: read from the original file, where its position there is known; the stored one where
 * nothing was denoised.
 */
export function useOriginal (dataset: Dataset, split: SplitName, id: number): Resource<LoadedSample> {
  return useResource(`${dataset.version}/${split}/${id}`, async signal => {
    const { channels, rows, columns } = imageShape(dataset)
    const { denoise, split: mode, adjustments } = dataset.preparation
    if (denoise === 'none') {
      const query = { normalization: 'raw', layout: 'nhwc', format: 'json', version: dataset.version }
      const path = splitPath(dataset, split, `samples/${id}`)
      const sample = await getJson<{ label: number, image: number[][][] }>(path, query, signal)
      return { label: sample.label, rows, columns, values: sample.image.flat(2) }
    }
    if (mode !== 'contiguous' || adjustments.transposed || channels > 1) {
      throw new Error('The original of a shuffled, transposed or colour dataset cannot be looked up.')
    }
    const files = dataset.provenance.files.map(({ name }) => name)
    const name = files[split === 'test' ? 2 : 0]
    if (!name?.includes('idx3')) throw new Error('Originals can only be looked up in IDX files.')
    const position = split === 'val' ? dataset.splits.train + id : id
    const start = IDX_HEADER + position * rows * columns
    const range = `bytes=${start}-${start + rows * columns - 1}`
    const response = await request(`v1/datasets/${dataset.dataset}/files/${name}`, {}, { signal, headers: { range } })
    return { label: 0, rows, columns, values: new Uint8Array(await response.arrayBuffer()) }
  })
}
