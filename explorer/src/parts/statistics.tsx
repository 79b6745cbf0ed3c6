import { areaY, barY, lineY, plot } from '@observablehq/plot'
import { useEffect, useRef } from 'preact/hooks'
import type { ImageShape } from '../../../src/dataset/image-shape.ts'
import { splitNames } from '../../../src/dataset/sample-splits.ts'
import { getBytes, getJson } from '../api.ts'
import { Choice, Figure, fromPlanes, fullScale, Pixels, Problem } from '../components.tsx'
import { imageShape, splitPath } from '../dataset.ts'
import { readNpy } from '../npy.ts'
import { formatCount, formatValue } from '../numbers.ts'
import { split } from '../parameters.ts'
import { useResource } from '../resource.ts'
import type { Dataset, Split } from '../types.ts'

interface StatisticsBody {
  readonly count: number
  /** Of colour images for each channel. */
  readonly levels: readonly number[] | ReadonlyArray<readonly number[]>
  readonly classes: ReadonlyArray<{
    readonly name: string
    readonly count: number
    /** Rows and columns; of colour images those of each channel. */
    readonly mean: readonly unknown[]
    readonly variance: readonly unknown[]
  }>
}

const CHANNEL_COLORS = ['#d9501e', '#27a06b', '#3f8fd8']

/** What the splits contain, and what their images look like on average. */
export function Statistics ({ dataset }: { dataset: Dataset }) {
  const { version } = dataset
  const shape = imageShape(dataset)
  const splits = useResource(version, async signal => await Promise.all(splitNames.map(async name => {
    return { name, ...await getJson<Split>(splitPath(dataset, name), { version }, signal) }
  })))
  const statistics = useResource(`${version}/${split.value}`, signal => {
    return getJson<StatisticsBody>(splitPath(dataset, split.value, 'statistics'), { version }, signal)
  })
  const mean = useResource(version, async signal => {
    const bytes = await getBytes(`v1/datasets/${dataset.dataset}/mean`, { format: 'npy', version }, { signal })
    return fromPlanes(readNpy(bytes).values as Float32Array, shape)
  })
  const levels = channelLevels(statistics.data?.levels ?? [])
  const counts = splits.data?.flatMap(({ name, classes, count }) => classes.map(item => ({
    split: name, class: item.name, share: count > 0 ? item.count / count : 0
  })))
  return (
    <section aria-labelledby='statistics-title'>
      <h2 id='statistics-title' class='hidden'>Statistics</h2>
      <h3>Classes</h3>
      <Problem error={splits.error} />
      {counts && (
        <Chart
          label='Share of each class in each split'
          options={{
            height: 190,
            marginLeft: 44,
            x: { axis: null, domain: [...splitNames] },
            fx: { label: null, domain: [...dataset.classes] },
            y: { percent: true, grid: true, label: 'share of the split (%)' },
            color: { legend: false, domain: [...splitNames], range: ['#3f8fd8', '#d98316', '#27a06b'] },
            marks: [barY(counts, { x: 'split', fx: 'class', y: 'share', fill: 'split' })]
          }}
        />
      )}
      <ul class='legend'>
        <li><span class='swatch train' />train</li><li><span class='swatch val' />val</li>
        <li><span class='swatch test' />test</li>
      </ul>
      {splits.data && (
        <details>
          <summary>Counts</summary>
          <div class='table' tabIndex={0} role='region' aria-label='Counts'>
            <table data-test='counts'>
              <thead>
                <tr>
                  <th scope='col'>class</th>
                  {splits.data.map(({ name }) => <th key={name} scope='col' class='number'>{name}</th>)}
                </tr>
              </thead>
              <tbody>
                {dataset.classes.map((name, i) => (
                  <tr key={name}>
                    <th scope='row'>{name}</th>
                    {splits.data!.map(split => (
                      <td key={split.name} class='number'>{formatCount(split.classes[i]!.count)}</td>
                    ))}
                  </tr>
                ))}
                <tr>
                  <th scope='row'>all</th>
                  {splits.data.map(({ name, count }) => <td key={name} class='number'>{formatCount(count)}</td>)}
                </tr>
                <tr>
                  <th scope='row'>pixels, mean</th>
                  {splits.data.map(({ name, pixels }) => <td key={name} class='number'>{formatValue(pixels.mean)}</td>)}
                </tr>
                <tr>
                  <th scope='row'>pixels, std</th>
                  {splits.data.map(({ name, pixels }) => <td key={name} class='number'>{formatValue(pixels.std)}</td>)}
                </tr>
              </tbody>
            </table>
          </div>
        </details>
      )}
      <h3>Mean image</h3>
      <Problem error={mean.error} />
      <Figure title={`over ${formatCount(dataset.preparation.mean_count)} samples of ${dataset.preparation.mean_over}`}>
        <Pixels image={mean.data} scale={fullScale(mean.data?.values ?? [])} zoom={5} label='Mean image' />
      </Figure>
      <div class='controls'><Choice label='Split' parameter={split} values={splitNames} /></div>
      <h3>Pixel levels of {split.value}</h3>
      <Problem error={statistics.error} />
      {statistics.data
        ? (
          <>
            <Chart
              label='How often each pixel level occurs'
              options={{
                height: 190,
                marginLeft: 52,
                x: { label: 'level' },
                y: {
                  type: 'log',
                  domain: [1, Math.max(2, ...levels.flat())],
                  grid: true,
                  label: 'pixels',
                  tickFormat: '~s'
                },
                marks: levels.map((counts, channel) => {
                  const points = counts.map((count, level) => ({ level, count: Math.max(1, count) }))
                  return levels.length === 1
                    ? areaY(points, { x: 'level', y: 'count', y1: 1, fill: '#3f8fd8', curve: 'step' })
                    : lineY(points, { x: 'level', y: 'count', stroke: CHANNEL_COLORS[channel]!, curve: 'step' })
                })
              }}
            />
            <p class='muted'>
              {levels.map(counts => formatCount(counts[0]!)).join(', ')} pixels are 0, and{' '}
              {levels.map(counts => formatCount(counts[255]!)).join(', ')} are 255
              {levels.length === 1 ? '.' : ' in red, green and blue.'}
            </p>
            <h3>Mean and variance image of each class</h3>
            <div class='figures'>
              {statistics.data.classes.map(item => (
                <Figure key={item.name} title={`${item.name}: ${formatCount(item.count)}`}>
                  <ClassImage image={item.mean} shape={shape} label={`Mean of class ${item.name}`} />
                  <ClassImage image={item.variance} shape={shape} label={`Variance of class ${item.name}`} />
                </Figure>
              ))}
            </div>
          </>
          )
        : !statistics.error && <p class='muted' role='status'>Computing…</p>}
    </section>
  )
}

function channelLevels (levels: StatisticsBody['levels']): ReadonlyArray<readonly number[]> {
  return typeof levels[0] === 'number' ? [levels as readonly number[]] : levels as ReadonlyArray<readonly number[]>
}

function ClassImage ({ image, shape, label }: { image: readonly unknown[], shape: ImageShape, label: string }) {
  const pixels = fromPlanes(Float32Array.from(image.flat(Infinity) as number[]), shape)
  return <Pixels image={pixels} scale={fullScale(pixels.values)} zoom={3} label={label} />
}

function Chart ({ label, options }: { label: string, options: Parameters<typeof plot>[0] & object }) {
  const parent = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const width = Math.max(280, parent.current!.clientWidth)
    const chart = plot({ className: 'plot', ariaLabel: label, width, ...options })
    // The page's own styles replace it: the policy of the page allows no inline ones.
    for (const style of chart.querySelectorAll('style')) style.remove()
    chart.setAttribute('role', 'img')
    // The chart has a label, and its parts have no role that allows one.
    for (const part of chart.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label')
    parent.current!.replaceChildren(chart)
  }, [options])
  return <div ref={parent} class='chart' />
}
