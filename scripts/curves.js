/**
 * Draws the learning curves of examples/results into docs/learning-curves.svg: validation accuracy by epoch.
 *
 *     npm run curves
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lineChart } from './lib/line-chart.js'
import { readRuns } from './lib/training-results.js'

const lines = readRuns(fileURLToPath(new URL('../examples/results/', import.meta.url))).map(({ variant, epochs }) => {
  return { label: variant, points: epochs.map(({ val_accuracy: accuracy }, index) => [index + 1, accuracy]) }
}).filter(({ points }) => points.length > 2)

const longest = Math.max(...lines.map(({ points }) => points.length))
const chart = lineChart({
  title: 'Validation accuracy of the training examples, by epoch',
  x: { title: 'epoch', ticks: Array.from({ length: longest }, (_, index) => index + 1), format: String },
  y: { ticks: [0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1], format: accuracy => `${(100 * accuracy).toFixed(1)} %` },
  lines
})
writeFileSync(new URL('../docs/learning-curves.svg', import.meta.url), chart)
