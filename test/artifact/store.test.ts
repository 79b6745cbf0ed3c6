import { readFile, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ArtifactStore } from '../../src/artifact/store.ts'
import { failOnDisk, systemError } from '../fixtures/failing-disk.ts'
import { good, load, tiny } from '../fixtures/loading.ts'
import { startMirror } from '../fixtures/mirror.ts'
import { prepared } from '../fixtures/prepared.ts'

/** No source has files, so a dataset can only be restored. */
const noSources = { order: [], folder: undefined, mirrors: [], openmlUrl: '', offline: true } as const

t.test('a dataset is restored from its artifact, bit for bit, without any source', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const first = load(t, entry)
  const original = await first.loading
  const again = load(t, entry, { dataFolder: first.dataFolder, sources: noSources })
  t.same(await again.loading, original)
  t.match(again.logged, [{ level: 'info', message: 'restored', details: { dataset: 'tiny', backend: 'wasm' } }])
  t.equal(again.logged.length, 1)
  t.same([...again.stages], [])

  const prepare = { denoise: 'none', meanOver: 'train' } as const
  const other = await load(t, entry, { dataFolder: first.dataFolder, sources: noSources, prepare }).loading
  t.not(other.version, original.version, 'other settings yield another version, prepared from the cached files')
  const fresh = await load(t, entry, { prepare }).loading
  t.same(other, { ...fresh, files: fresh.files.map(file => ({ ...file, source: 'cache' })) })
})

t.test('a damaged artifact is quarantined and prepared again', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const { loading, dataFolder } = load(t, entry)
  const original = await loading
  const path = (kind: string): string => join(dataFolder, 'prepared', `${original.version}.${kind}`)
  for (const kind of ['json', 'bin']) {
    const intact = await readFile(path(kind))
    const flipped = Buffer.concat([intact.subarray(0, 20), Buffer.of(intact[20]! ^ 4), intact.subarray(21)])
    for (const damaged of [intact.subarray(0, -1), flipped]) {
      await writeFile(path(kind), damaged)
      const again = load(t, entry, { dataFolder })
      t.same((await again.loading).splits, original.splits)
      const message = new RegExp(`^the artifact of version ${original.version} is not used: the .* is damaged$`)
      t.match(again.logged[0], { level: 'warn', message })
      t.ok(again.stages.has('prepare'))
      t.equal((await load(t, entry, { dataFolder, sources: noSources }).loading).version, original.version)
      t.same(await readFile(join(dataFolder, 'corrupt', `${original.version}.${kind}`)), damaged)
    }
  }
})

t.test('of several processes that start at once, one prepares', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const dataFolder = t.testdir()
  const all = Array.from({ length: 4 }, () => load(t, entry, { dataFolder }))
  const [first, ...others] = await Promise.all(all.map(({ loading }) => loading))
  for (const other of others) t.same(other, first)
  const files = entry.files.map(({ name }) => `${name}.gz`)
  t.same(mirror.requests.sort(), files.sort(), 'each file was downloaded once')
  const messages = all.flatMap(({ logged }) => logged.map(({ message }) => message)).sort()
  const waiting = 'another process is preparing it'
  t.same(messages.filter(message => message !== waiting), ['acquired', 'prepared', ...others.map(() => 'restored')])
})

t.test('the most recently used artifacts are kept, up to the limit', async t => {
  const dataFolder = t.testdir()
  const folder = join(dataFolder, 'prepared')
  const dataset = prepared({ train: 5, val: 2, test: 3 })
  const names = async (): Promise<string[]> => {
    return [...new Set((await readdir(folder)).map(name => name.split('.')[0]!))].sort()
  }
  const write = async (version: string, limit = 2): Promise<void> => {
    await new ArtifactStore(dataFolder, limit).write({ ...dataset, version })
  }
  const age = async (name: string, seconds: number): Promise<void> => {
    const time = Date.now() / 1000 - seconds
    await utimes(join(folder, name), time, time)
  }

  await write('a')
  await write('b')
  await age('a.json', 100)
  await age('b.json', 200)
  t.ok(await new ArtifactStore(dataFolder).read('b', 10))
  await write('c')
  t.same(await names(), ['b', 'c'], 'reading an artifact counts as use')

  await writeFile(join(folder, 'old.bin'), 'without a manifest')
  await writeFile(join(folder, 'a.bin.1.tmp'), 'partial')
  await age('old.bin', 7200)
  await write('d', 10)
  t.notOk((await names()).includes('old'), 'remains of an abandoned write are removed')
  t.ok((await readdir(folder)).includes('a.bin.1.tmp'), 'the file of a write that may be in progress stays')

  const before = await readdir(folder)
  await write('e', 0)
  t.same(await readdir(folder), before, 'with a limit of 0 nothing is written')
})

t.test('an unwritable folder causes warnings, and the data is served all the same', async t => {
  const mirror = await startMirror(t, good)
  const dataFolder = join(t.testdir({ file: '' }), 'file', 'data')
  const { loading, logged } = load(t, { ...tiny.entry, mirrors: [mirror.base] }, { dataFolder })
  t.equal((await loading).splits.train.count, 45)
  const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message)
  t.match(warnings[0], /^the artifact of version [0-9a-f]{16} is not used: ENOTDIR/)
  t.match(warnings.at(-1), /^the artifact of tiny cannot be written: (ENOTDIR|EEXIST)/)
})

t.test('whatever a write returns, the data is served, and nothing partial stays', async t => {
  const mirror = await startMirror(t, good)
  for (const name of ['EDQUOT', 'ENOSPC', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EFBIG'] as const) {
    await failOnDisk(t, 'writeFile', systemError(name, 'write', name !== 'EDQUOT'))
    const dataFolder = t.testdir()
    const { loading, logged } = load(t, { ...tiny.entry, mirrors: [mirror.base] }, { dataFolder })
    t.equal((await loading).splits.train.count, 45)
    const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message)
    t.equal(warnings.length, 5, 'four files and the artifact')
    t.match(warnings.at(-1), new RegExp(`^the artifact of tiny cannot be written: ${name}: .*, write$`))
    t.same(await readdir(join(dataFolder, 'files')), [])
    t.same(await readdir(join(dataFolder, 'prepared')), [])
  }
})

t.test('a name that is too long causes warnings, and the data is served all the same', async t => {
  const mirror = await startMirror(t, good)
  const dataFolder = join(t.testdir(), 'x'.repeat(300))
  const { loading, logged } = load(t, { ...tiny.entry, mirrors: [mirror.base] }, { dataFolder })
  t.equal((await loading).splits.train.count, 45)
  const last = logged.filter(({ level }) => level === 'warn').at(-1)!
  t.equal(last.message, 'the artifact of tiny cannot be written: ENAMETOOLONG: name too long, mkdir')
})

t.test('an artifact is kept on a file system that cannot flush folders', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const dataFolder = t.testdir()
  await failOnDisk(t, 'sync', systemError('EINVAL', 'fsync'), async handle => (await handle.stat()).isDirectory())
  const { loading, logged } = load(t, entry, { dataFolder })
  const { version } = await loading
  const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message)
  const names = [...entry.files.map(({ gzip }) => gzip!.sha256), `${version}.bin`, `${version}.json`]
  t.same(warnings, names.map(name => `${name} may be lost in a power failure: EINVAL: invalid argument, fsync`))
  t.equal((await load(t, entry, { dataFolder, sources: noSources }).loading).version, version, 'restored')
})

t.test('a signal stops a restore', async t => {
  const mirror = await startMirror(t, good)
  const entry = { ...tiny.entry, mirrors: [mirror.base] }
  const { loading, dataFolder } = load(t, entry)
  await loading
  const reason = new Error('enough')
  const { loading: restoring, logged } = load(t, entry, { dataFolder, signal: AbortSignal.abort(reason) })
  await t.rejects(restoring, reason)
  t.same(logged, [], 'an intact artifact is not taken for an unusable one')
})

t.test('reading an artifact yields to the event loop', async t => {
  const dataFolder = t.testdir()
  const dataset = prepared({ train: 8000, val: 1, test: 1 }, { rows: 28, columns: 28 })
  await new ArtifactStore(dataFolder, 1).write(dataset)
  let turns = 0
  const counting = setInterval(() => { turns++ }, 0)
  await new ArtifactStore(dataFolder).read(dataset.version, 10).finally(() => clearInterval(counting))
  t.ok(turns > 2, `${turns} turns of the event loop`)
})
