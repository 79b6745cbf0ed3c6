/**
 * Draws the learning curves of examples/results into docs/learning-curves.svg: validation accuracy by epoch.
 *
 *     npm run curves
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { lineChart } from './lib/line-chart.js'

const results = new URL('../examples/results/', import.meta.url)

const lines = readdirSync(results).filter(name => name.endsWith('.json')).sort().flatMap(name => {
  return JSON.parse(readFileSync(new URL(name, results), 'utf8')).map(({ options, epochs }) => {
    const label = name.replace('.json', '') + (options.augment ? ', augmented' : '')
    return { label, points: epochs.map(({ val_accuracy: accuracy }, index) => [index + 1, accuracy]) }
  })
}).filter(({ points }) => points.length > 2)

const longest = Math.max(...lines.map(({ points }) => points.length))
const chart = lineChart({
  title: 'Validation accuracy of the training examples, by epoch',
  x: { title: 'epoch', ticks: Array.from({ length: longest }, (_, index) => index + 1), format: String },
  y: { ticks: [0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1], format: accuracy => `${(100 * accuracy).toFixed(1)} %` },
  lines
})
writeFileSync(new URL('../docs/learning-curves.svg', import.meta.url), chart)
