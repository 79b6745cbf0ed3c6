import type { Duplicate } from '../../src/dataset/dataset-map.ts'
import type { SplitName } from '../../src/dataset/sample-splits.ts'
import { Choice, CopyButton, Problem } from './components.tsx'
import { imageShape } from './dataset.ts'
import { TilePicture } from './tile-picture.tsx'
import { loadFindings } from './map-data.ts'
import { split } from './parameters.ts'
import { choice, linkTo, navigate } from './query.ts'
import { useResource } from './resource.ts'
import { ThumbnailList } from './thumbnail-list.tsx'
import type { Dataset } from './types.ts'

const pairs = [
  ['train', 'test'], ['train', 'val'], ['val', 'test'], ['train', 'train'], ['val', 'val'], ['test', 'test']
] as const

type PairName = `${SplitName}-${SplitName}`

const pair = choice<PairName>('pair', pairs.map(([a, b]): PairName => `${a}-${b}`), 'train-test')

/** Near-duplicates and likely label errors. */
export function FindingsLists ({ dataset }: { dataset: Dataset }) {
  const findings = useResource(dataset.version, signal => loadFindings(dataset, signal))
  if (!findings.data) return <Problem error={findings.error} />
  const { duplicates, suspects } = findings.data
  const wrong = suspects.filter(suspect => suspect.split === split.value)
  const [first, second] = pair.value.split('-')
  const similar = duplicates.filter(item => item.first.split === first && item.second.split === second)
  return (
    <>
      <h2>Likely label errors in {split.value}</h2>
      <p class='muted'>
        Samples whose nearest neighbours, of any split, agree on another label: label → label of most neighbours, votes.
        Those that look least like others of their label come first; many are only hard to read.
      </p>
      {wrong.length > 0
        ? (
          <>
            <p class='buttons'><CopyButton label='Copy ids' text={() => wrong.map(({ id }) => id).join(',')} /></p>
            <div data-test='suspects'>
              <ThumbnailList
                dataset={dataset} split={split.value} ids={wrong.map(({ id }) => id)}
                caption={i => {
                  const { label, suggested, votes, neighbours } = wrong[i]!
                  return `${dataset.classes[label]} → ${dataset.classes[suggested]}, ${votes}/${neighbours}`
                }}
              />
            </div>
          </>
          )
        : <p>There are none.</p>}
      <h2>Near-duplicates</h2>
      <div class='controls'>
        <Choice
          label='Splits' parameter={pair}
          values={pairs.map(([a, b]): [PairName, string] => [`${a}-${b}`, a === b ? `within ${a}` : `${a} and ${b}`])}
        />
      </div>
      {similar.length > 0 ? <PairList dataset={dataset} pairs={similar} /> : <p>There are none.</p>}
    </>
  )
}

const SIZE = 56

function PairList ({ dataset, pairs }: { dataset: Dataset, pairs: readonly Duplicate[] }) {
  const { rows, columns } = imageShape(dataset)
  const height = SIZE * rows / columns
  const sides = (['first', 'second'] as const).map(side => ({ ids: pairs.map(item => item[side].id).join(','), side }))
  return (
    <ul class='thumbnails pairs' data-test='duplicates'>
      {pairs.map((item, index) => (
        <li key={`${item.first.split}${item.first.id}/${item.second.split}${item.second.id}`}>
          {sides.map(({ side, ids }) => {
            const { split, id, label } = item[side]
            const target = { view: 'model', split: split === 'train' ? undefined : split, id: String(id) }
            return (
              <a
                key={side} href={linkTo(target)} aria-label={`${split} ${id}, class ${dataset.classes[label]}`}
                onClick={event => {
                  event.preventDefault()
                  navigate(target)
                }}
              >
                <TilePicture
                  dataset={dataset} place={{ split, query: { ids }, index }} width={SIZE} height={height}
                />
              </a>
            )
          })}
          <span class='caption'>
            {`${item.first.id}, ${item.second.id}: ${item.distance.toFixed(3)}`}
          </span>
        </li>
      ))}
    </ul>
  )
}
