/** Scaling curves in the docs: one row per point, and a chart. */
import { lineChart } from '../scripts/lib/line-chart.js'
import { formatNumber } from './report.js'
import { curves, metrics } from './scaling.js'

/** Medians, with one row per point of a curve and one column per metric. */
export function curveTable (rows) {
  const { x, points } = curves[rows[0].curve]
  const names = Object.keys(metrics)
  const medianOf = (point, metric) => rows.find(row => row.point === point && row.metric === metric).ours.median
  const titles = names.map(name => `${name}, ${metrics[name].unit}`)
  return [
    `| ${[x, ...titles].join(' | ')} |`,
    `|${'---:|'.repeat(names.length + 1)}`,
    ...points.map(point => `| ${[point, ...names.map(name => formatNumber(medianOf(point, name)))].join(' | ')} |`)
  ].join('\n')
}

/** Throughput and latencies of a curve, each relative to its first point. */
export function drawCurve (rows) {
  const { x, points } = curves[rows[0].curve]
  const lines = ['throughput', 'p50 latency', 'p99 latency', 'CPU time'].map(metric => {
    const medians = points.map(point => rows.find(row => row.point === point && row.metric === metric).ours.median)
    return { label: metric, points: points.map((point, index) => [point, medians[index] / medians[0]]) }
  })
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value))
  const exponents = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
  const ticks = Array.from({ length: exponents[1] - exponents[0] + 1 }, (_, index) => 10 ** (exponents[0] + index))
  return lineChart({
    title: `Throughput, latency and CPU time per sample by ${x}, relative to ${points[0]}`,
    x: { title: x, ticks: points, format: String, logarithmic: true },
    y: { ticks, format: value => `× ${value}`, logarithmic: true },
    lines
  })
}
