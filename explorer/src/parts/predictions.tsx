import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { splitNames } from '../../../src/dataset/sample-splits.ts'
import { Choice, CopyButton } from '../components.tsx'
import { loadLabels } from '../dataset.ts'
import { formatCount, formatPercent } from '../numbers.ts'
import { split } from '../parameters.ts'
import { confusionMatrix, readPredictions, type PredictedLabels } from '../predictions-file.ts'
import { text } from '../query.ts'
import { useResource } from '../resource.ts'
import { ThumbnailList } from '../thumbnail-list.tsx'
import type { Dataset } from '../types.ts'

/** The open cell of the matrix: label/predicted. */
const cell = text('cell', '')
const MAX_SHOWN = 512

interface LoadedFile {
  readonly name: string
  readonly predictions: PredictedLabels
}

/** Survives a change of view. */
const file = signal<LoadedFile | undefined>(undefined)

/** Accuracy and confusion matrix of a file that stays in the browser. */
export function Predictions ({ dataset }: { dataset: Dataset }) {
  const [error, setError] = useState<string>()
  const [isOver, setOver] = useState(false)
  const labels = useResource(`${dataset.version}/${split.value}`, () => loadLabels(dataset, split.value))
  const open = async (chosen: File | undefined): Promise<void> => {
    if (!chosen) return
    setError(undefined)
    file.value = undefined
    try {
      const bytes = new Uint8Array(await chosen.arrayBuffer())
      const predictions = await readPredictions(chosen.name, bytes, dataset.classes, dataset.splits[split.value])
      file.value = { name: chosen.name, predictions }
    } catch (error) {
      setError(`${chosen.name} cannot be used: ${(error as Error).message}.`)
    }
  }
  const loaded = file.value
  const fits = loaded?.predictions.ids.every(id => id < dataset.splits[split.value])
  return (
    <section aria-labelledby='predictions-title'>
      <h2 id='predictions-title' class='hidden'>Predictions</h2>
      <div class='controls'><Choice label='Split' parameter={split} values={splitNames} /></div>
      <div
        class={isOver ? 'drop over' : 'drop'}
        onDragOver={event => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={event => {
          event.preventDefault()
          setOver(false)
          open(event.dataTransfer?.files[0])
        }}
      >
        <label>Drop a file with ids and predicted labels here, or choose one:{' '}
          <input type='file' accept='.csv,.json,.npz,.txt' onChange={event => open(event.currentTarget.files?.[0])} />
        </label>
        <p class='muted'>
          CSV with the columns id and prediction, NPZ with the arrays ids and predictions, or JSON. Predictions are
          numbers, names of classes or rows of scores; without ids, they are in the order of the split. Nothing is
          uploaded.
        </p>
      </div>
      {error && <p class='notice error' role='alert'>{error}</p>}
      {loaded && !fits && (
        <p class='notice error' role='alert'>{loaded.name} has ids beyond the split {split.value}.</p>
      )}
      {loaded && fits && labels.data && <Matrix dataset={dataset} file={loaded} truth={labels.data} />}
    </section>
  )
}

function Matrix ({ dataset, file: { name, predictions }, truth }: {
  dataset: Dataset, file: LoadedFile, truth: Uint8Array
}) {
  const { classes } = dataset
  const matrix = confusionMatrix(truth, predictions, classes.length)
  const correct = matrix.reduce((sum, row, i) => sum + row[i]!, 0)
  const total = predictions.ids.length
  const [label, predicted] = cell.value.split('/').map(Number)
  return (
    <>
      <p role='status' data-test='accuracy'>
        <b>{formatPercent(correct / total)}</b> of {formatCount(total)} predictions in {name}
        {predictions.column !== undefined && ` (${predictions.column})`} are right,{' '}
        {formatCount(total - correct)} are wrong.
      </p>
      <div class='table' tabIndex={0} role='region' aria-label='Confusion matrix'>
        <table class='confusion'>
          <caption>Rows: label, columns: predicted label</caption>
          <thead>
            <tr><td />{classes.map(name => <th key={name} scope='col'>{name}</th>)}<th scope='col'>recall</th></tr>
          </thead>
          <tbody>
            {matrix.map((row, i) => {
              const sum = row.reduce((total, count) => total + count, 0)
              return (
                <tr key={classes[i]}>
                  <th scope='row'>{classes[i]}</th>
                  {row.map((count, j) => (
                    <td key={j}>
                      <button
                        type='button' disabled={count === 0} aria-pressed={cell.value === `${i}/${j}`}
                        aria-label={`label ${classes[i]}, predicted ${classes[j]}: ${count}`}
                        style={{ background: shade(count, sum, i === j) }}
                        onClick={() => cell.set(cell.value === `${i}/${j}` ? '' : `${i}/${j}`)}
                      >{count}
                      </button>
                    </td>
                  ))}
                  <td>{sum > 0 ? formatPercent(row[i]! / sum) : '–'}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      {label !== undefined && predicted !== undefined && classes[label] && classes[predicted] && (
        <Cell dataset={dataset} predictions={predictions} truth={truth} label={label} predicted={predicted} />
      )}
    </>
  )
}

/** Translucent, so that text keeps its contrast in both themes. */
function shade (count: number, sum: number, isCorrect: boolean): string {
  const share = sum > 0 ? Math.sqrt(count / sum) : 0
  return `rgb(${isCorrect ? '39 160 107' : '217 80 30'} / ${(share * 30).toFixed(0)}%)`
}

function Cell ({ dataset, predictions, truth, label, predicted }: {
  dataset: Dataset, predictions: PredictedLabels, truth: Uint8Array, label: number, predicted: number
}) {
  const ids = predictions.ids.filter((id, i) => truth[id] === label && predictions.labels[i] === predicted)
  return (
    <>
      <h3>Label {dataset.classes[label]}, predicted {dataset.classes[predicted]}: {formatCount(ids.length)}</h3>
      <p class='buttons'><CopyButton label='Copy ids' text={() => ids.join(',')} /></p>
      <ThumbnailList dataset={dataset} split={split.value} ids={ids.slice(0, MAX_SHOWN)} />
      {ids.length > MAX_SHOWN && <p class='muted'>The first {MAX_SHOWN} are shown.</p>}
    </>
  )
}
