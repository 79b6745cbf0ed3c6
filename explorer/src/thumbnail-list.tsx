import type { SplitName } from '../../src/dataset/sample-splits.ts'
import { imageShape } from './dataset.ts'
import { TilePicture } from './tile-picture.tsx'
import { navigate } from './query.ts'
import { SHEET_SAMPLES } from './tiles.ts'
import type { Dataset } from './types.ts'

/** Samples of one split as buttons that open them. */
export function ThumbnailList ({ dataset, split, ids, caption, size = 56 }: {
  dataset: Dataset, split: SplitName, ids: readonly number[], caption?: (i: number) => string, size?: number
}) {
  const { rows, columns } = imageShape(dataset)
  const height = size * rows / columns
  return (
    <ul class='thumbnails'>
      {ids.map((id, i) => {
        const page = Math.floor(i / SHEET_SAMPLES)
        const query = { ids: ids.slice(page * SHEET_SAMPLES, (page + 1) * SHEET_SAMPLES).join(',') }
        const text = caption?.(i) ?? String(id)
        return (
          <li key={`${query.ids}/${i}`}>
            <button
              type='button' aria-label={`${split} ${id}: ${text}`} title={`${split} ${id}`}
              onClick={() => navigate({ view: 'model', split: split === 'train' ? undefined : split, id: String(id) })}
            >
              <TilePicture
                dataset={dataset} place={{ split, query, index: i % SHEET_SAMPLES }} width={size} height={height}
              />
              <span class='caption'>{text}</span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}
