/** Loads MNIST from OpenML only, with the server's modules in memory, and sends the results to the parent process. */
import '../../../dist/app.js'
import { catalogue } from '../../../dist/dataset/catalogue/index.js'
import { loadDataset } from '../../../dist/load/load-dataset.js'

const [base, md5, dataFolder] = process.argv.slice(2)
const mnist = catalogue.get('mnist')
const originals = new Map(mnist.files.map(({ name, sha256 }) => [name, sha256]))

const started = performance.now()
const dataset = await loadDataset({ ...mnist, openml: { ...mnist.openml, md5 } }, {
  dataFolder,
  keep: 0,
  sources: { order: ['openml'], folder: undefined, mirrors: [], openmlUrl: base, offline: false },
  split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
  prepare: { denoise: 'none', meanOver: 'train' },
  backend: 'auto',
  signal: new AbortController().signal,
  report: () => {},
  log: {
    info: (details, message) => { if (message === 'acquired') process.send({ acquiringMs: details.ms }) },
    warn: (_, message) => console.error(message)
  }
})
process.send({
  ms: Math.round(performance.now() - started),
  // In KiB on Linux.
  peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  files: dataset.files.map(({ name, sha256, source }) => {
    return { name, source, isOriginal: originals.get(name) === sha256 }
  }),
  version: dataset.version
})
process.disconnect()
