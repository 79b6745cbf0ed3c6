import { useState } from 'preact/hooks'
import { augmentationNames, limits, type AugmentationName } from '../../../src/batch/augment/augmentations.ts'
import { normalizations } from '../../../src/batch/options.ts'
import { splitNames } from '../../../src/dataset/sample-splits.ts'
import { augmentationsOf, formatAugmentations } from '../augment-text.ts'
import { byteScale, Choice, Figure, fullScale, NumberField, Pixels, Problem, valuesAt } from '../components.tsx'
import { formatCount, formatValue } from '../numbers.ts'
import { augment, epoch, normalization, pad, sampleId, seed, split } from '../parameters.ts'
import { useSample, type LoadedSample, type PixelValue } from '../sample-image.tsx'
import { useOriginal } from '../original.ts'
import type { Resource } from '../resource.ts'
import type { Dataset } from '../types.ts'

const EPOCHS = 10

/** One sample at each step from the file to the tensor that a model gets. */
export function Model ({ dataset }: { dataset: Dataset }) {
  const [hovered, setHovered] = useState<{ step: string } & PixelValue>()
  const [name, id, count] = [split.value, sampleId.value, dataset.splits[split.value]]
  const isTrain = name === 'train'
  const { denoise } = dataset.preparation
  const query = isTrain && augment.value ? { augment: augment.value, seed: seed.value, epoch: epoch.value } : {}
  const raw = { normalization: 'raw' }
  const original = useOriginal(dataset, name, id)
  const denoised = useSample(dataset, name, id, raw)
  const augmented = useSample(dataset, name, id, { ...raw, ...query })
  const padded = useSample(dataset, name, id, { ...raw, ...query, pad: 32 })
  const normalized = useSample(dataset, name, id, { normalization: normalization.value, ...query, pad: pad.value })
  const steps: Array<[title: string, note: string, sample: Resource<LoadedSample>]> = [
    ['stored', 'as in the original file', original],
    ['denoised', denoise === 'none' ? 'DENOISE=none: unchanged' : denoise, denoised],
    ['augmented', query.augment ? query.augment : isTrain ? 'no augmentation' : 'only train is augmented', augmented],
    ['padded', 'to 32×32', padded],
    ['normalized', `${normalization.value}${pad.value ? ', padded' : ''}`, normalized]
  ]
  return (
    <section aria-labelledby='model-title'>
      <h2 id='model-title' class='hidden'>What the model sees</h2>
      <div class='controls'>
        <Choice label='Split' parameter={split} values={splitNames} />
        <NumberField label={`Sample (0 to ${formatCount(count - 1)})`} parameter={sampleId} max={count - 1} />
        <Choice label='Normalization' parameter={normalization} values={normalizations} />
        <label class='field inline'>
          <input
            type='checkbox' checked={pad.value === 32}
            onChange={event => pad.set(event.currentTarget.checked ? 32 : undefined)}
          /> pad to 32×32
        </label>
        <NumberField label='Seed' parameter={seed} max={0xffffffff} optional />
        <NumberField label='Epoch' parameter={epoch} max={0xffffffff} />
      </div>
      {isTrain && <Sliders />}
      <p class='muted' role='status' data-test='hover'>
        {hovered
          ? `${hovered.step}, row ${hovered.row}, column ${hovered.column}: ${formatValue(hovered.values)}`
          : 'Point at a pixel to read its value.'}
      </p>
      <div class='figures'>
        {steps.map(([title, note, { data, error }]) => (
          <Figure key={title} title={<><b>{title}</b><br />{data || !error ? note : error.message}</>}>
            <Pixels
              image={data} zoom={6} label={`Sample ${id} of ${name}, ${title}`}
              scale={isScaled(title) && data ? fullScale(data.values) : byteScale}
              onHover={at => setHovered(at && data && {
                step: title, ...at, values: valuesAt(data, at.row, at.column)
              })}
            />
          </Figure>
        ))}
      </div>
      <Range sample={normalized} />
      {query.augment && (
        <>
          <h3>The same sample in epochs 0 to {EPOCHS - 1}</h3>
          <div class='figures'>
            {Array.from({ length: EPOCHS }, (_, i) => (
              <EpochImage key={i} dataset={dataset} epoch={i} onHover={setHovered} />
            ))}
          </div>
        </>
      )}
    </section>
  )
}

/** Whether values are no pixel levels. */
function isScaled (title: string): boolean {
  return title === 'normalized' && normalization.value !== 'raw'
}

function Range ({ sample: { data, error } }: { sample: Resource<LoadedSample> }) {
  if (error) return <Problem error={error} />
  if (!data) return null
  const { low, high } = fullScale(data.values)
  const average = Array.from(data.values).reduce((sum, value) => sum + value, 0) / data.values.length
  return (
    <p class='muted' data-test='range'>
      The tensor has values from {formatValue(low)} to {formatValue(high)}, on average {formatValue(average)}.
    </p>
  )
}

function Sliders () {
  const strengths = augmentationsOf(augment.value)
  const set = (name: AugmentationName, value: number): void => {
    augment.set(formatAugmentations({ ...strengths, [name]: value }))
  }
  return (
    <div class='sliders'>
      {augmentationNames.map(name => {
        const { maximum, integer, unit } = limits[name]
        const value = strengths[name] ?? 0
        return (
          <label key={name} title={unit}>
            <span>{name} <span class='muted'>({unit})</span></span><output>{value}</output>
            <input
              type='range' min={0} max={maximum} step={integer ? 1 : maximum <= 1 ? 0.01 : 0.5} value={value}
              aria-label={`${name}, ${unit}`}
              onInput={event => set(name, Number(event.currentTarget.value))}
            />
          </label>
        )
      })}
    </div>
  )
}

function EpochImage ({ dataset, epoch, onHover }: {
  dataset: Dataset, epoch: number, onHover: (value: { step: string } & PixelValue | undefined) => void
}) {
  const query = { normalization: 'raw', augment: augment.value, seed: seed.value, epoch }
  const { data, error } = useSample(dataset, 'train', sampleId.value, query)
  return (
    <Figure title={`epoch ${epoch}`}>
      <Pixels
        image={data} zoom={3} label={`Sample ${sampleId.value} in epoch ${epoch}`}
        onHover={at => onHover(at && data && {
          step: `epoch ${epoch}`, ...at, values: valuesAt(data, at.row, at.column)
        })}
      />
      <Problem error={error} />
    </Figure>
  )
}
