import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { FileCache } from '../../src/acquire/cache.ts'
import type { Source } from '../../src/acquire/source.ts'
import type { DatasetEntry, FileEntry } from '../../src/dataset/entry.ts'
import type { OriginalFile } from '../../src/dataset/originals.ts'
import { gzip } from '../../src/gzip/gzip.ts'
import { createOriginals } from '../../src/originals/original-files.ts'
import { failOnDisk, systemError } from '../fixtures/failing-disk.ts'
import { fileRoles, tinyDataset } from '../fixtures/tiny-dataset.ts'

const tiny = tinyDataset()
const header = { name: 'tiny.idx', mtime: 1234567890 }
const { name } = tiny.files.trainImages
const content = tiny.content.trainImages
const unknownGzip = { md5: '0', sha256: '0'.repeat(64) }
const hash = (bytes: Uint8Array, algorithm = 'sha256'): string => createHash(algorithm).update(bytes).digest('hex')

/** The tiny dataset, with other knowledge about the publisher's gzip of each content. */
function entryWith (describeGzip: (content: Buffer) => FileEntry['gzip']): DatasetEntry {
  const files = fileRoles.map((role): FileEntry => {
    const { gzip: _, ...file } = tiny.files[role]
    const known = describeGzip(tiny.content[role])
    return { ...file, ...(known && { gzip: known }) }
  })
  return { ...tiny.entry, files }
}

const reproducible = entryWith(content => {
  const own = gzip(content, header)
  return { bytes: own.length, md5: hash(own, 'md5'), sha256: hash(own), header }
})

interface OriginalsSetup extends Partial<Source> {
  readonly folder: string
  /** Whether the dataset was prepared from the publisher's gzips. */
  readonly gzipped?: boolean
}

/** The originals of an entry, and what was read from the source and compressed for them. */
function originals (entry: DatasetEntry, { folder, gzipped = false, ...overrides }: OriginalsSetup) {
  const reads: string[] = []
  const compressed: number[] = []
  const warnings: string[] = []
  const source: Source = {
    name: 'source',
    remote: false,
    read: async file => tiny.content[fileRoles[entry.files.indexOf(file)]!],
    ...overrides
  }
  const provenance = fileRoles.map((role, i) => {
    const [{ name }, content] = [entry.files[i]!, tiny.content[role]]
    return { name, bytes: content.length, sha256: hash(content), source: 'source', gzipped }
  })
  const recordingSource: Source = {
    ...source,
    async read (file, ...rest) {
      reads.push(file.name)
      return await source.read(file, ...rest)
    }
  }
  const { gzips, open } = createOriginals(entry, provenance, {
    cache: new FileCache(folder),
    openSources: async () => [recordingSource],
    warn: message => { warnings.push(message) },
    async gzip (bytes, header) {
      compressed.push(bytes.length)
      return gzip(bytes, header)
    }
  })
  return { gzips, open, reads, compressed, warnings }
}

async function readAll (file: OriginalFile): Promise<Buffer> {
  return await buffer(await file.read(0, file.bytes - 1))
}

t.test('files are read and compressed on first use, once for concurrent callers', async t => {
  const folder = t.testdir()
  const { gzips, open, reads, compressed, warnings } = originals(reproducible, { folder })
  const expected = fileRoles.map(role => [`${tiny.files[role].name}.gz`, true, 'reproduced'])
  t.same(gzips.map(gzip => [gzip!.name, gzip!.original, gzip!.made]), expected)
  const { header: _, ...known } = reproducible.files[0]!.gzip!
  t.same(gzips[0], { name: `${name}.gz`, original: true, made: 'reproduced', ...known })
  t.same([reads, await readdir(folder)], [[], []])

  const files = await Promise.all([open(`${name}.gz`), open(`${name}.gz`), open(`${name}.gz`)])
  t.same([reads, compressed], [[name], [content.length]])
  for (const file of files) t.same(await readAll(file), gzip(content, header))
  t.match(files[0], {
    name: `${name}.gz`,
    mediaType: 'application/gzip',
    bytes: known.bytes,
    sha256: known.sha256,
    immutable: true
  })
  t.same(await buffer(await files[0]!.read(3, 9)), gzip(content, header).subarray(3, 10), 'a range')
  t.same(await readdir(join(folder, 'files')), [known.sha256])

  const again = originals(reproducible, { folder })
  t.same(await readAll(await again.open(`${name}.gz`)), gzip(content, header))
  t.same([again.reads, again.compressed], [[], []], 'another process finds it in the cache')
  t.same([...warnings, ...again.warnings], [])
})

t.test('the uncompressed content is offered under its own name', async t => {
  const { open, reads } = originals(reproducible, { folder: t.testdir() })
  const file = await open(name)
  t.match(file, {
    name,
    mediaType: 'application/octet-stream',
    bytes: content.length,
    sha256: hash(content),
    immutable: true
  })
  t.same(await readAll(file), content)
  await open(name)
  t.same(reads, [name])
})

t.test('a downloaded gzip is served unchanged', async t => {
  const folder = t.testdir()
  await new FileCache(folder).write(tiny.files.trainImages.gzip.sha256, name, tiny.gzipped.trainImages)
  const { gzips, open, reads, compressed } = originals(tiny.entry, { folder, gzipped: true })
  t.same(gzips[0], { name: `${name}.gz`, original: true, made: 'downloaded', ...tiny.files.trainImages.gzip })
  const file = await open(`${name}.gz`)
  t.same(await readAll(file), tiny.gzipped.trainImages)
  t.ok(file.immutable)
  t.same(await readAll(await open(name)), content, 'and its content is decompressed')
  t.same([reads, compressed], [[], []])
})

t.test('a gzip that cannot be reproduced is compressed by us, which is not immutable', async t => {
  for (const entry of [entryWith(() => unknownGzip), entryWith(() => undefined)]) {
    const { gzips, open, warnings } = originals(entry, { folder: t.testdir() })
    t.same(gzips[0], { name: `${name}.gz`, original: false, made: 'compressed' })
    const file = await open(`${name}.gz`)
    t.equal(file.immutable, false)
    t.same(await readAll(file), gzip(content), 'deterministically')
    t.same(gunzipSync(await readAll(file)), content)
    t.same(warnings, [])
  }
})

t.test('a reproduced gzip with another hash is not an original', async t => {
  const { open, warnings } = originals(entryWith(() => ({ ...unknownGzip, header })), { folder: t.testdir() })
  const file = await open(`${name}.gz`)
  t.equal(file.immutable, false)
  t.same(await readAll(file), gzip(content, header))
  t.match(warnings, [`${name}.gz cannot be reproduced: its SHA-256 would be ${file.sha256}, expected 000`])
})

t.test('a gzip from a verified archive is an original', async t => {
  const archive = { url: 'https://example.org/a.zip', folder: '', bytes: 1, md5: '0', sha256: '0' }
  const files = tiny.entry.files.map(({ name, bytes }): FileEntry => ({ name, bytes }))
  const { open, compressed } = originals({ ...tiny.entry, files, archive }, {
    folder: t.testdir(),
    gzipped: true,
    trusted: true,
    read: async () => tiny.gzipped.trainImages
  })
  const file = await open(`${name}.gz`)
  t.same(await readAll(file), tiny.gzipped.trainImages)
  t.ok(file.immutable)
  t.same(compressed, [])
})

t.test('a corrupt cached file is quarantined and acquired again', async t => {
  for (const name of [tiny.files.testLabels.name, `${tiny.files.testLabels.name}.gz`]) {
    const folder = t.testdir()
    const before = originals(reproducible, { folder })
    const { sha256 } = await before.open(name)
    const path = join(folder, 'files', sha256)
    const correct = await readFile(path)
    await writeFile(path, correct.map(byte => byte ^ 1))

    const after = originals(reproducible, { folder })
    t.same(await readAll(await after.open(name)), correct)
    t.match(after.warnings, [/from cache: has SHA-256 /])
    t.same(await readFile(join(folder, 'corrupt', sha256)), correct.map(byte => byte ^ 1))

    await writeFile(path, correct.map(byte => byte ^ 2))
    t.same(await readAll(await before.open(name)), correct, 'also after it was opened')
  }
})

t.test('a file deleted between two requests is acquired again', async t => {
  const folder = t.testdir()
  const { open, reads } = originals(reproducible, { folder })
  const file = await open(name)
  t.testdir()
  await t.rejects(file.read(0, 1), { code: 'source_unavailable' })
  t.same(await readAll(await open(name)), content)
  t.same(reads, [name, name])
})

t.test('a file that changed since it was opened is not read', async t => {
  const folder = t.testdir()
  const { open } = originals(reproducible, { folder })
  const file = await open(name)
  await writeFile(join(folder, 'files', file.sha256), 'else')
  await t.rejects(file.read(0, 1), {
    code: 'source_unavailable',
    message: 'the file has changed since it was verified; retry the request'
  })
})

t.test('files are served even if the cache cannot be written', async t => {
  const folder = join(t.testdir({ occupied: '' }), 'occupied')
  const { open, reads, warnings } = originals(reproducible, { folder })
  for (const [which, expected] of [[name, content], [`${name}.gz`, gzip(content, header)]] as const) {
    const file = await open(which)
    t.same(await readAll(file), expected)
    t.same(await buffer(await file.read(5, 6)), expected.subarray(5, 7))
    t.same(await readAll(await open(which)), expected)
  }
  t.same(reads, [name, name], 'each is acquired once')
  t.ok(warnings.some(message => message.includes('cannot be cached')))
})

t.test('files are served from memory if no file can be written at all', async t => {
  for (const code of ['EDQUOT', 'ENOSPC', 'EIO', 'EROFS'] as const) {
    await failOnDisk(t, 'writeFile', systemError(code, 'write', code !== 'EDQUOT'))
    const { open, reads, warnings } = originals(reproducible, { folder: t.testdir() })
    const file = await open(name)
    t.same(await readAll(file), content)
    t.same(await buffer(await file.read(5, 6)), content.subarray(5, 7))
    t.same(await readAll(await open(name)), content)
    t.same(reads, [name], 'acquired once')
    t.match(warnings, [
      new RegExp(`^${name} cannot be cached: ${code}: .*, write$`),
      new RegExp(`^${name} stays in memory, since no temporary file can be written: ${code}`)
    ])
  }
})

t.test('a failure is not remembered', async t => {
  let broken = true
  const { open } = originals(reproducible, { folder: t.testdir(), read: async () => broken ? undefined : content })
  await t.rejects(open(name), { code: 'no_source' })
  broken = false
  t.same(await readAll(await open(name)), content)
  await t.rejects(open('nothing'), {
    code: 'unknown_file',
    message: new RegExp(`^tiny has no file 'nothing'; there are: ${name}.gz, ${name}, `)
  })
})
