/** Loads MNIST from OpenML alone, with everything of the server in memory, and says how long that took and what it took. */
import { catalogue } from '../dist/dataset/catalogue/index.js'
import '../dist/app.js'
import { fileRoles } from '../dist/dataset/entry.js'
import { loadDataset } from '../dist/prepare/load.js'

const [base, md5, dataFolder] = process.argv.slice(2)
const mnist = catalogue.get('mnist')
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
  log: { info: (details, message) => { if (message === 'acquired') process.send({ acquired: details.ms }) }, warn: (_, message) => console.error(message) }
})
process.send({
  ms: Math.round(performance.now() - started),
  // Kilobytes on Linux.
  peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
  files: dataset.files.map(({ name, sha256, source }) => ({ name, source, right: fileRoles.some(role => mnist.files[role].name === name && mnist.files[role].sha256 === sha256) })),
  version: dataset.version
})
process.disconnect()
