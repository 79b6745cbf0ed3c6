import { readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from 'fast-png'
import t, { type Test } from 'tap'
import { acquire } from '../../src/acquire/acquire.ts'
import { FileCache } from '../../src/acquire/cache.ts'
import { resolveSources, type SourceSettings } from '../../src/acquire/resolve-sources.ts'
import { closeSources } from '../../src/acquire/source.ts'
import type { DatasetEntry } from '../../src/dataset/entry.ts'
import { perSplit } from '../../src/dataset/sample-splits.ts'
import { appOver } from '../fixtures/app.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { failOnDisk, systemError } from '../fixtures/failing-disk.ts'
import { emnistMembers, letterF, withArchive, zipOf } from '../fixtures/emnist.ts'
import { load } from '../fixtures/loading.ts'
import { ranged, send, startMirror, status, type Answer } from '../fixtures/mirror.ts'
import { readFiles } from '../fixtures/tiny-dataset.ts'

const labels = { train: [1, 6, 26, 3, 6], test: [26, 1] }
const members = {
  ...emnistMembers('emnist-letters', labels),
  ...emnistMembers('emnist-digits', { train: [0, 9, 4], test: [7] }),
  'gzip/readme.txt': Buffer.from('x')
}
const zip = await zipOf(members)

async function serve (t: Test, answer: Answer) {
  const mirror = await startMirror(t, { 'gzip.zip': answer })
  const url = `${mirror.base}gzip.zip`
  return { mirror, letters: withArchive('emnist-letters', url, zip), digits: withArchive('emnist-digits', url, zip) }
}

async function acquireFrom (
  dataFolder: string,
  entry: DatasetEntry,
  { folder = undefined as string | undefined, offline = false } = {}
) {
  const warnings: string[] = []
  const warn = (message: string): void => { warnings.push(message) }
  const cache = new FileCache(dataFolder)
  const settings: SourceSettings = { order: ['folder', 'mirrors'], folder, mirrors: [], openmlUrl: '', offline }
  const sources = resolveSources(entry, settings, { cache, warn })
  try {
    const { signal } = new AbortController()
    const acquired = await acquire(entry, { cache, sources, signal, report: () => {}, warn })
    return { ...acquired, warnings }
  } finally {
    await closeSources(sources)
  }
}

t.test('datasets in one archive share it: it is downloaded and verified once', async t => {
  const dataFolder = t.testdir()
  const { mirror, letters, digits } = await serve(t, send(zip))
  const { files, provenance, warnings } = await acquireFrom(dataFolder, letters)
  t.same(warnings, [])
  t.same((await readFiles(files)).trainLabels.subarray(8), Buffer.from(labels.train))
  t.equal(files[2]!.byteLength, 16 + 2 * 28 * 28, 'the archive states the count, not the catalogue')
  t.same(new Set(provenance.map(({ source }) => source)), new Set([letters.archive.url]))
  t.same((await readFiles((await acquireFrom(dataFolder, digits)).files)).testLabels.subarray(8), Buffer.of(7))
  t.same((await acquireFrom(dataFolder, digits, { offline: true })).warnings, [], 'a cached archive needs no network')
  t.equal(mirror.requests.length, 1)
  await checkCache(t, dataFolder, 1)
})

t.test('letters are upright, and their labels start at 0', async t => {
  const { letters } = await serve(t, send(zip))
  const { loading, logged } = load(t, letters, {
    split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
    prepare: { denoise: 'none', meanOver: 'train' }
  })
  const dataset = await loading
  t.same(logged.filter(({ level }) => level === 'warn'), [])
  t.same(perSplit(name => [...dataset.splits[name].labels]), { train: [0, 5, 25, 2], val: [5], test: [25, 0] })
  const { app } = await appOver(t, [dataset])
  const base = '/v1/datasets/emnist-letters'
  const { label, class: name } = (await app.inject(`${base}/splits/train/samples/1`)).json()
  t.same([label, name], [5, 'F'])
  const png = decode((await app.inject(`${base}/splits/train/samples/1?format=png`)).rawPayload)
  t.same([png.width, png.height], [28, 28])
  t.same(Uint8Array.from(png.data), letterF(), 'the picture shows an upright F')
  const { classes, preparation } = (await app.inject(base)).json()
  t.equal(classes.length, 26)
  t.same(preparation.adjustments, { transposed: true, label_column: null, first_label: 1 })
})

t.test('a zip in a local folder serves the whole family', async t => {
  const { mirror, letters, digits } = await serve(t, status(404))
  for (const place of ['emnist', 'emnist-letters']) {
    const folder = t.testdir({ [place]: { 'gzip.zip': zip } })
    const { warnings, files } = await acquireFrom(join(folder, 'data'), letters, { folder })
    t.same(warnings, [])
    t.same((await readFiles(files)).trainLabels.subarray(8), Buffer.from(labels.train))
    t.same(mirror.requests, [])
  }
  const folder = t.testdir({ emnist: { 'gzip.zip': Buffer.from('not this one') } })
  await t.rejects(acquireFrom(join(folder, 'data'), digits, { folder }), {
    code: 'no_source',
    message: /gzip\.zip: HTTP 404$/
  })
})

t.test('a cached zip is verified in full once, and again after a modification', async t => {
  const dataFolder = t.testdir()
  const { mirror, letters } = await serve(t, send(zip))
  await acquireFrom(dataFolder, letters)
  const path = join(dataFolder, 'files', letters.archive.sha256)
  const [stamp] = await readdir(join(dataFolder, 'stamps'))
  t.equal(stamp, letters.archive.sha256)

  const damaged = Buffer.from(zip)
  damaged[200]! ^= 1
  const { atime, mtime } = await stat(path)
  await writeFile(path, damaged)
  await utimes(path, atime, mtime)
  const { warnings, files } = await acquireFrom(dataFolder, letters)
  t.equal(warnings.length, 1)
  t.match(warnings[0], /has SHA-256 [0-9a-f]{64}, expected/)
  t.same((await readFiles(files)).trainLabels.subarray(8), Buffer.from(labels.train))
  t.equal(mirror.requests.length, 2, 'downloaded again')
  t.same(await readFile(join(dataFolder, 'corrupt', letters.archive.sha256)), damaged)
  await checkCache(t, dataFolder, 1)
})

t.test('an interrupted download is resumed; a wrong one is rejected and discarded', async t => {
  const cut = ranged([{ bytes: zip, etag: '"z"', cutAfter: 700 }, { bytes: zip, etag: '"z"' }])
  const { mirror, letters } = await serve(t, cut)
  t.same((await acquireFrom(t.testdir(), letters)).warnings, [])
  t.same(mirror.ranges, [undefined, 'bytes=700-'])

  const damaged = Buffer.from(zip)
  damaged[200]! ^= 1
  const wrong: Array<[bytes: Uint8Array, reason: RegExp]> = [
    [damaged, /has SHA-256/],
    [zip.subarray(0, -1), /has \d+ bytes, expected/],
    [Buffer.concat([zip, zip]), /sent more than \d+ bytes$/]
  ]
  for (const [bytes, reason] of wrong) {
    const dataFolder = t.testdir()
    const { letters } = await serve(t, send(bytes))
    await t.rejects(acquireFrom(dataFolder, letters), { code: 'no_source', message: reason })
    t.same(await readdir(join(dataFolder, 'files')), [])
  }
})

t.test('an unwritable cache causes a warning, but no failure', async t => {
  const dataFolder = t.testdir({ files: 'not a folder' })
  const { letters } = await serve(t, send(zip))
  const { files, warnings } = await acquireFrom(dataFolder, letters)
  t.same((await readFiles(files)).trainLabels.subarray(8), Buffer.from(labels.train))
  t.match(warnings, [/^gzip\.zip cannot be cached: (EEXIST|ENOTDIR)/])
})

t.test('an archive is held in memory if no file can be written at all', async t => {
  const { mirror, letters, digits } = await serve(t, send(zip))
  await failOnDisk(t, 'write', systemError('EDQUOT', 'write', false))
  const { files, warnings } = await acquireFrom(t.testdir(), letters)
  t.same((await readFiles(files)).trainLabels.subarray(8), Buffer.from(labels.train))
  t.same(warnings, [
    'gzip.zip cannot be cached: EDQUOT: disk quota exceeded, write',
    'gzip.zip stays in memory, since no temporary file can be written: EDQUOT: disk quota exceeded, write'
  ])
  t.equal(mirror.requests.length, 3)

  const damaged = Buffer.from(zip)
  damaged[200]! ^= 1
  const wrong = await serve(t, send(damaged))
  await t.rejects(acquireFrom(t.testdir(), wrong.letters), { code: 'no_source', message: /has SHA-256/ })
  t.same((await readFiles((await acquireFrom(t.testdir(), digits)).files)).testLabels.subarray(8), Buffer.of(7))
})

t.test('a disk that fails while an interrupted download restarts is not the fault of the mirror', async t => {
  const cut = ranged([{ bytes: zip, cutAfter: 700 }, { bytes: zip }])
  const { letters } = await serve(t, cut)
  await failOnDisk(t, 'truncate', systemError('EIO', 'ftruncate'))
  const { files, warnings } = await acquireFrom(t.testdir(), letters)
  t.same((await readFiles(files)).trainLabels.subarray(8), Buffer.from(labels.train))
  t.match(warnings, [/^gzip\.zip cannot be cached: EIO: .*, ftruncate$/])
})

t.test('a zip without the file, or an invalid zip, is an error', async t => {
  const lacking = await zipOf({ 'gzip/other.gz': Buffer.alloc(3) })
  const mirror = await startMirror(t, { 'gzip.zip': send(lacking), 'b.zip': send(Buffer.alloc(100)) })
  const incomplete = withArchive('emnist-letters', `${mirror.base}gzip.zip`, lacking)
  await t.rejects(acquireFrom(t.testdir(), incomplete), {
    code: 'no_source',
    message: /has no entry gzip\/emnist-letters-train-images-idx3-ubyte\.gz$/
  })
  const invalid = withArchive('emnist-letters', `${mirror.base}b.zip`, Buffer.alloc(100))
  await t.rejects(acquireFrom(t.testdir(), invalid), {
    code: 'no_source',
    message: /End of central directory record signature not found/i
  })
})
