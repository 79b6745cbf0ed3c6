import type { SplitName } from '../../src/dataset/sample-splits.ts'
import { getJson, type Query } from './api.ts'
import { byteScale, Pixels, Problem, valuesAt, type LevelScale, type PixelImage } from './components.tsx'
import { splitPath } from './dataset.ts'
import { useResource, type Resource } from './resource.ts'
import type { Dataset } from './types.ts'

interface SampleBody {
  readonly label: number
  readonly shape: readonly number[]
  readonly image: unknown
}

export interface LoadedSample extends PixelImage {
  readonly label: number
}

/** One sample as the API returns it with these parameters; undefined parameters load nothing. */
export function useSample (
  dataset: Dataset,
  split: SplitName,
  id: number,
  query: Query | undefined
): Resource<LoadedSample> {
  const key = query && `${dataset.version}/${split}/${id}/${JSON.stringify(query)}`
  return useResource(key, async signal => {
    const all = { ...query, layout: 'nhwc', format: 'json', version: dataset.version }
    const { label, shape, image } = await getJson<SampleBody>(splitPath(dataset, split, `samples/${id}`), all, signal)
    const values = Float32Array.from((image as number[][]).flat(Infinity as 1) as unknown as number[])
    return { label, rows: shape[0]!, columns: shape[1]!, values }
  })
}

export interface PixelValue {
  readonly row: number
  readonly column: number
  /** One per channel. */
  readonly values: readonly number[]
}

/** The stored pixels of a sample. */
export function SampleImage ({ dataset, split, id, zoom, scale = byteScale, query, label, onValue }: {
  dataset: Dataset,
  split: SplitName,
  id: number,
  zoom: number,
  scale?: LevelScale,
  query?: Query,
  label?: string,
  onValue?: (value: PixelValue | undefined) => void
}) {
  const sample = useSample(dataset, split, id, { normalization: 'raw', ...query })
  const image = sample.data
  return (
    <>
      <Pixels
        image={image} scale={scale} zoom={zoom} label={label ?? `Sample ${id} of ${split}`}
        onHover={position => onValue?.(position && image && {
          ...position, values: valuesAt(image, position.row, position.column)
        })}
      />
      <Problem error={sample.error} />
    </>
  )
}
