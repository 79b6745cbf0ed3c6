/**
 * Draws the learning curves of examples/results into docs/learning-curves.svg: validation accuracy by epoch.
 *
 *     npm run curves
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const results = new URL('../examples/results/', import.meta.url)
const WIDTH = 720
const HEIGHT = 360
const MARGIN = { left: 64, right: 190, top: 16, bottom: 44 }
const LOWEST = 0.97
const colors = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#a463f2']

const runs = readdirSync(results).filter(name => name.endsWith('.json')).sort().flatMap(name => {
  return JSON.parse(readFileSync(new URL(name, results), 'utf8')).map(({ options, epochs }) => {
    const label = name.replace('.json', '') + (options.augment ? ', augmented' : '')
    return { label, accuracies: epochs.map(epoch => epoch.val_accuracy) }
  })
}).filter(({ accuracies }) => accuracies.length > 2)

const labels = [...new Set(runs.map(({ label }) => label))]
const longest = Math.max(...runs.map(({ accuracies }) => accuracies.length))
const x = epoch => MARGIN.left + (epoch - 1) / (longest - 1) * (WIDTH - MARGIN.left - MARGIN.right)
const y = accuracy => {
  const share = (Math.max(accuracy, LOWEST) - LOWEST) / (1 - LOWEST)
  return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom)
}

const lines = runs.map(({ label, accuracies }) => {
  const points = accuracies.map((accuracy, index) => `${x(index + 1).toFixed(1)},${y(accuracy).toFixed(1)}`).join(' ')
  const color = colors[labels.indexOf(label) % colors.length]
  return `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="1.5" stroke-opacity="0.8"/>`
})
const grid = [0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1].map(accuracy => {
  const percent = `${(100 * accuracy).toFixed(1)} %`
  const text = `<text x="${MARGIN.left - 8}" y="${y(accuracy) + 4}" text-anchor="end">${percent}</text>`
  return `<path d="M${MARGIN.left} ${y(accuracy)}H${WIDTH - MARGIN.right}" stroke="#ddd"/>${text}`
})
const epochs = Array.from({ length: longest }, (_, index) => index + 1).map(epoch => {
  return `<text x="${x(epoch)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${epoch}</text>`
})
const legend = labels.map((label, index) => {
  const top = MARGIN.top + 14 + 20 * index
  const left = WIDTH - MARGIN.right + 16
  return `<path d="M${left} ${top - 4}h18" stroke="${colors[index % colors.length]}" stroke-width="2"/>` +
    `<text x="${left + 24}" y="${top}">${label}</text>`
})
writeFileSync(new URL('../docs/learning-curves.svg', import.meta.url), `<svg
 xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<title>Validation accuracy of the training examples, by epoch</title>
<rect width="100%" height="100%" fill="#fff"/>
${[...grid, ...epochs, ...lines, ...legend].join('\n')}
<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">epoch</text>
</svg>
`)
