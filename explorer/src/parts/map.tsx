import { useMemo, useState } from 'preact/hooks'
import { splitNames, type SplitName } from '../../../src/dataset/sample-splits.ts'
import { urlOf } from '../api.ts'
import { Choice, CopyButton, Problem } from '../components.tsx'
import { list, loadLabels, splitPath } from '../dataset.ts'
import { FindingsLists } from '../findings-lists.tsx'
import { MapCanvas } from '../map-canvas.tsx'
import { loadPoints, type MapProgress } from '../map-data.ts'
import { classColors } from '../map-drawing.ts'
import { formatArea, formatView, parseArea, parseView, pointsInside } from '../map-view.ts'
import { formatCount, formatPercent } from '../numbers.ts'
import { shownClass, split } from '../parameters.ts'
import { choice, navigate, text } from '../query.ts'
import { useResource } from '../resource.ts'
import { ThumbnailList } from '../thumbnail-list.tsx'
import type { Dataset } from '../types.ts'

const mapView = text('map', '')
const mapArea = text('area', '')
const pointerMode = choice('drag', ['moves', 'selects'], 'moves')

const MAX_SHOWN = 256

const stageTitles: Readonly<Record<MapProgress['stage'], string>> = {
  components: 'principal components',
  neighbours: 'nearest neighbours',
  findings: 'near-duplicates and label errors',
  layout: 'layout'
}

/** Where the samples of a split lie in the plane, and what that reveals about them. */
export function Map ({ dataset }: { dataset: Dataset }) {
  const [progress, setProgress] = useState<MapProgress>()
  const key = `${dataset.version}/${split.value}`
  const points = useResource(key, async signal => {
    const loaded = await loadPoints(dataset, split.value, setProgress, signal)
    setProgress(undefined)
    return { key, values: loaded }
  })
  const labels = useResource(key, async () => ({ key, values: await loadLabels(dataset, split.value) }))
  const isReady = points.data?.key === key && labels.data?.key === key
  return (
    <section aria-labelledby='map-title'>
      <h2 id='map-title' class='hidden'>Map</h2>
      <div class='controls'>
        <Choice label='Split' parameter={split} values={splitNames} />
        <ClassChoice classes={dataset.classes} />
        <Choice
          label='Dragging' parameter={pointerMode}
          values={[['moves', 'moves the map'], ['selects', 'selects samples']]}
        />
      </div>
      <Problem error={points.error ?? labels.error} />
      {progress && !points.error && <Computing progress={progress} />}
      {isReady && <SplitMap dataset={dataset} points={points.data!.values} labels={labels.data!.values} />}
      {!isReady && !progress && !points.error && <p class='muted' role='status'>Loading…</p>}
      {isReady && <FindingsLists dataset={dataset} />}
    </section>
  )
}

function ClassChoice ({ classes }: { classes: readonly string[] }) {
  return (
    <label class='field'>Emphasize class
      <select
        value={shownClass.value ?? ''}
        onChange={({ currentTarget: { value } }) => shownClass.set(value === '' ? undefined : Number(value))}
      >
        <option value=''>all</option>
        {classes.map((name, i) => <option key={name} value={i}>{name}</option>)}
      </select>
    </label>
  )
}

function Computing ({ progress: { stage, done } }: { progress: MapProgress }) {
  return (
    <>
      <p role='status'>
        The map is being computed, which takes about a minute the first time: {stageTitles[stage]},{' '}
        {formatPercent(done)}.
      </p>
      <progress value={done} max={1} aria-label='Computation of the map' />
    </>
  )
}

function SplitMap ({ dataset, points, labels }: { dataset: Dataset, points: Float32Array, labels: Uint8Array }) {
  const [hovered, setHovered] = useState<number>()
  const colors = useMemo(() => classColors(dataset.classes.length), [dataset.classes.length])
  const area = useMemo(() => parseArea(mapArea.value), [mapArea.value])
  const label = shownClass.value
  const ids = useMemo(() => {
    return pointsInside(points, area).filter(id => label === undefined || labels[id] === label)
  }, [points, labels, area, label])
  const emphasized = useMemo(() => {
    if (area.length === 0 && label === undefined) return undefined
    if (area.length === 0) return labels.map(other => Number(other === label))
    const marks = new Uint8Array(labels.length)
    for (const id of ids) marks[id] = 1
    return marks
  }, [labels, ids, area, label])
  const name = split.value
  return (
    <>
      <MapCanvas
        points={points} labels={labels} colors={colors} emphasized={emphasized} area={area}
        start={mapView.value === '' ? undefined : parseView(mapView.value)}
        isLasso={pointerMode.value === 'selects'}
        label={`Map of ${formatCount(labels.length)} samples of ${name}: arrow keys move, + and - zoom, 0 shows all, ` +
          'Enter selects the visible samples, Escape none'}
        onView={view => mapView.set(view ? formatView(view) : '')}
        onArea={polygon => mapArea.set(formatArea(polygon))}
        onPoint={setHovered}
        onOpen={id => openModel(name, id)}
      />
      <p class='muted' data-test='point'>
        {hovered === undefined
          ? `${formatCount(labels.length)} samples. Point at one to see what it is, and click to open it.`
          : `${name} ${hovered}, class ${dataset.classes[labels[hovered]!]}`}
      </p>
      <ul class='legend'>
        {dataset.classes.map((title, i) => (
          <li key={title}><span class='swatch' style={{ background: colors[i] }} />{title}</li>
        ))}
      </ul>
      {area.length > 0 && <Selected dataset={dataset} split={name} ids={ids} labels={labels} />}
    </>
  )
}

function openModel (split: SplitName, id: number): void {
  navigate({ view: 'model', split: split === 'train' ? undefined : split, id: String(id) })
}

function Selected ({ dataset, split, ids, labels }: {
  dataset: Dataset, split: SplitName, ids: readonly number[], labels: Uint8Array
}) {
  const counts = dataset.classes.map((name, label) => [name, ids.filter(id => labels[id] === label).length] as const)
  const present = counts.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
  const most = list.value?.limits.max_batch_size ?? MAX_SHOWN
  const some = ids.slice(0, most)
  const gather = `curl -o batch.npz -H 'Content-Type: application/json' -d '{"ids":[${some.join()}]}' ` +
    `'${urlOf(splitPath(dataset, split, 'gather'), { format: 'npz', version: dataset.version })}'`
  return (
    <>
      <h3 data-test='selected'>{formatCount(ids.length)} selected samples</h3>
      <p role='status'>{present.map(([name, count]) => `${name}: ${formatCount(count)}`).join(', ')}</p>
      {ids.length > 0 && (
        <p class='buttons'>
          <CopyButton label='Copy ids' text={() => ids.join(',')} />
          <CopyButton label='Copy a command that gathers them' text={gather} />
          <a
            class='button'
            href={urlOf(splitPath(dataset, split, 'thumbnails'), {
              ids: some.slice(0, MAX_SHOWN).join(','), version: dataset.version
            })}
          >PNG
          </a>
        </p>
      )}
      {ids.length > most && <p class='muted'>The command gathers the first {formatCount(most)}.</p>}
      <ThumbnailList
        dataset={dataset} split={split} ids={ids.slice(0, MAX_SHOWN)}
        caption={i => `${dataset.classes[labels[ids[i]!]!]} · ${ids[i]}`}
      />
      {ids.length > MAX_SHOWN && <p class='muted'>The first {MAX_SHOWN} are shown.</p>}
    </>
  )
}
