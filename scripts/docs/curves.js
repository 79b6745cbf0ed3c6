/**
 * Writes the results of the training examples into the docs: their table into docs/clients.md, and their validation
 * accuracy by epoch into docs/learning-curves.svg.
 *
 *     npm run docs -- curves
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lineChart } from '../lib/line-chart.js'
import { compareAugmentation, readRuns, summarize } from '../lib/training-results.js'

const page = new URL('../../docs/clients.md', import.meta.url)
/** What is between the markers. */
const RESULTS = /(<!-- results of the examples -->\n\n)[^]*(\n<!-- end of the results -->)/

const descriptions = {
  'pytorch, augmented': '[PyTorch](../examples/pytorch.py), a CNN with `augment=rotate:12,shift:2,scale:0.1`',
  pytorch: '[PyTorch](../examples/pytorch.py), the same CNN without augmentation',
  keras: '[Keras](../examples/keras_cnn.py), a CNN with `augment=shift:2`',
  jax: '[JAX](../examples/jax_cnn.py), a CNN',
  'tfjs-node, CNN': '[TensorFlow.js](../examples/tfjs/node.js) in Node.js, a CNN on the native backend',
  'tfjs-node, MLP': '[TensorFlow.js](../examples/tfjs/node.js) in Node.js, a perceptron on the WebAssembly backend',
  'tfjs-browser, MLP': '[TensorFlow.js](../examples/tfjs/browser.js) in Chromium, the same perceptron',
  distributed: '[torch.distributed](../examples/distributed.py), two processes, a small perceptron',
  sklearn: '[scikit-learn](../examples/sklearn_svm.py), a support vector machine on 10,000 gathered samples'
}

const runs = readRuns(fileURLToPath(new URL('../../examples/results/', import.meta.url)))
writeFileSync(page, readFileSync(page, 'utf8').replace(RESULTS, (_, start, end) => {
  return start + table(summarize(runs)) + describeAugmentation(compareAugmentation(runs)) + end
}))
writeFileSync(new URL('../../docs/learning-curves.svg', import.meta.url), draw(runs))

function table (rows) {
  const order = Object.keys(descriptions)
  const lines = rows.sort((a, b) => order.indexOf(a.variant) - order.indexOf(b.variant)).map(row => {
    const range = `${percent(row.lowest)} – ${percent(row.highest)}`
    const spread = `${percent(row.accuracy, 3)} ± ${(100 * row.deviation).toFixed(3)} (${range})`
    const accuracy = row.runs > 1 ? spread : percent(row.accuracy)
    const time = row.epochs > 0 ? [row.epochs, `${row.seconds.toFixed(1)} s`] : ['', '']
    const waiting = row.waiting === undefined ? '' : percent(row.waiting, 1)
    return [descriptions[row.variant] ?? row.variant, row.runs, time[0], accuracy, time[1], waiting]
  })
  return [
    ['example', 'runs', 'epochs', 'test accuracy', 'fastest epoch', 'time waiting for data'],
    ['---', '---:', '---:', '---:', '---:', '---:'],
    ...lines
  ].map(cells => `| ${cells.join(' | ')} |\n`.replaceAll('  |', ' |')).join('')
}

function describeAugmentation (comparison) {
  if (!comparison) return ''
  const { pairs, difference, from, to } = comparison
  const points = value => (100 * value).toFixed(3)
  const verdict = from > 0 ? 'it helps' : to < 0 ? 'it harms' : 'these runs do not show whether it helps'
  return `
Compared by seed, augmentation changes the test accuracy of PyTorch by ${points(difference)} percentage points, with a
95 % confidence interval from ${points(from)} to ${points(to)} (${pairs} pairs of runs): ${verdict}.
`
}

function draw (runs) {
  const lines = runs.map(({ variant, epochs }) => {
    return { label: variant, points: epochs.map(({ val_accuracy: accuracy }, index) => [index + 1, accuracy]) }
  }).filter(({ points }) => points.length > 2)
  const longest = Math.max(...lines.map(({ points }) => points.length))
  return lineChart({
    title: 'Validation accuracy of the training examples, by epoch',
    x: { title: 'epoch', ticks: Array.from({ length: longest }, (_, index) => index + 1), format: String },
    y: { ticks: [0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1], format: accuracy => `${(100 * accuracy).toFixed(1)} %` },
    lines
  })
}

function percent (share, digits = 2) {
  return `${(100 * share).toFixed(digits)} %`
}
