import { readFile, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fileRoles } from '../../src/dataset/entry.ts'
import { good, load, tiny } from '../fixtures/loading.ts'
import { startMirror } from '../fixtures/mirror.ts'

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
