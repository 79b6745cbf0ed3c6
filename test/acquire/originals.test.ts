import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { FileCache } from '../../src/acquire/cache.ts'
import { createOriginals } from '../../src/acquire/originals.ts'
import type { Source } from '../../src/acquire/source.ts'
import { fileRoles, type DatasetEntry, type FileEntry, type OriginalFile } from '../../src/dataset/entry.ts'
import { gzip } from '../../src/gzip/gzip.ts'
import { perRole, tinyDataset } from '../fixtures/tiny-dataset.ts'

const tiny = tinyDataset()
const header = { name: 'tiny.idx', mtime: 1234567890 }
const { name } = tiny.entry.files.trainImages
const content = tiny.content.trainImages
const hash = (bytes: Uint8Array, algorithm = 'sha256'): string => createHash(algorithm).update(bytes).digest('hex')

/** The tiny dataset, of whose gzips this is known. */
function entryWith (gzipOf: (file: FileEntry, content: Buffer) => FileEntry['gzip'], more: Partial<DatasetEntry> = {}): DatasetEntry {
  const files = perRole((role): FileEntry => {
    const { gzip: _, ...file } = tiny.entry.files[role]
    const known = gzipOf(file, tiny.content[role])
    return { ...file, ...(known && { gzip: known }) }
  })
  return { ...tiny.entry, files, ...more }
}

const reproducible = entryWith((_, content) => {
  const own = gzip(content, header)
  return { bytes: own.length, md5: hash(own, 'md5'), sha256: hash(own), header }
})

/** The originals of an entry, of which a source gives the contents, or what it is told to. */
function originals (entry: DatasetEntry, { folder, gzipped = false, ...given }: { folder: string, gzipped?: boolean } & Partial<Source>) {
  const asked: string[] = []
  const compressed: number[] = []
  const warnings: string[] = []
  const source: Source = {
    name: 'shelf',
    remote: false,
    read: async file => tiny.content[fileRoles.find(role => entry.files[role].name === file.name)!],
    ...given
  }
  const came = fileRoles.map(role => ({ name: entry.files[role].name, bytes: tiny.content[role].length, sha256: hash(tiny.content[role]), source: 'shelf', gzipped }))
  return {
    asked,
    compressed,
    warnings,
    ...createOriginals(entry, came, {
      cache: new FileCache(folder),
      openSources: async () => [{ ...source, read: (file, ...rest) => { asked.push(file.name); return source.read(file, ...rest) } }],
      warn: message => { warnings.push(message) },
      gzip: async (bytes, header) => { compressed.push(bytes.length); return gzip(bytes, header) }
    })
  }
}

async function all (file: OriginalFile): Promise<Buffer> {
  return await buffer(await file.read(0, file.bytes - 1))
}

t.test('nothing is read or made before it is asked for, and then once for all', async t => {
  const folder = t.testdir()
  const { gzips, open, asked, compressed, warnings } = originals(reproducible, { folder })
  t.same(gzips.map(({ name, original, made }) => [name, original, made]), fileRoles.map(role => [`${tiny.entry.files[role].name}.gz`, true, 'reproduced']))
  const { header: _, ...known } = reproducible.files.trainImages.gzip!
  t.same(gzips[0], { name: `${name}.gz`, original: true, made: 'reproduced', ...known })
  t.same([asked, await readdir(folder)], [[], []])

  const files = await Promise.all([open(`${name}.gz`), open(`${name}.gz`), open(`${name}.gz`)])
  t.same([asked, compressed], [[name], [content.length]])
  for (const file of files) t.same(await all(file), gzip(content, header))
  t.match(files[0], { name: `${name}.gz`, mediaType: 'application/gzip', bytes: known.bytes, sha256: known.sha256, lasting: true })
  t.same(await buffer(await files[0]!.read(3, 9)), gzip(content, header).subarray(3, 10), 'a part')
  t.same(await readdir(join(folder, 'files')), [known.sha256])

  const again = originals(reproducible, { folder })
  t.same(await all(await again.open(`${name}.gz`)), gzip(content, header))
  t.same([again.asked, again.compressed], [[], []], 'the next process finds it in the cache')
  t.same([...warnings, ...again.warnings], [])
})

t.test('the content, under its own name', async t => {
  const { open, asked } = originals(reproducible, { folder: t.testdir() })
  const file = await open(name)
  t.match(file, { name, mediaType: 'application/octet-stream', bytes: content.length, sha256: hash(content), lasting: true })
  t.same(await all(file), content)
  await open(name)
  t.same(asked, [name])
})

t.test('what was downloaded is served as it came', async t => {
  const folder = t.testdir()
  await new FileCache(folder).write(tiny.entry.files.trainImages.gzip.sha256, name, tiny.gzipped.trainImages)
  const { gzips, open, asked, compressed } = originals(tiny.entry, { folder, gzipped: true })
  t.same(gzips[0], { name: `${name}.gz`, original: true, made: 'downloaded', ...tiny.entry.files.trainImages.gzip })
  const file = await open(`${name}.gz`)
  t.same(await all(file), tiny.gzipped.trainImages)
  t.ok(file.lasting)
  t.same(await all(await open(name)), content, 'and its content')
  t.same([asked, compressed], [[], []])
})

t.test('where nobody knows how it was made it is compressed, which does not last', async t => {
  for (const entry of [entryWith(() => ({ md5: '0', sha256: '0'.repeat(64) })), entryWith(() => undefined)]) {
    const { gzips, open, warnings } = originals(entry, { folder: t.testdir() })
    t.same(gzips[0], { name: `${name}.gz`, original: false, made: 'compressed' })
    const file = await open(`${name}.gz`)
    t.equal(file.lasting, false)
    t.same(await all(file), gzip(content), 'always in the same way')
    t.same(gunzipSync(await all(file)), content)
    t.same(warnings, [])
  }
})

t.test('a gzip that cannot be made again as it was said is no original', async t => {
  const { open, warnings } = originals(entryWith(() => ({ md5: '0', sha256: '0'.repeat(64), header })), { folder: t.testdir() })
  const file = await open(`${name}.gz`)
  t.equal(file.lasting, false)
  t.same(await all(file), gzip(content, header))
  t.match(warnings, [`${name}.gz cannot be reproduced: its SHA-256 would be ${file.sha256}, expected 000`])
})

t.test('what comes out of a verified archive is the publisher\'s', async t => {
  const archive = { url: 'https://example.org/a.zip', folder: '', bytes: 1, md5: '0', sha256: '0' }
  const files = perRole((role): FileEntry => ({ name: tiny.entry.files[role].name, dimensions: tiny.entry.files[role].dimensions }))
  const { open, compressed } = originals({ ...tiny.entry, files, archive }, { folder: t.testdir(), gzipped: true, trusted: true, read: async () => tiny.gzipped.trainImages })
  const file = await open(`${name}.gz`)
  t.same(await all(file), tiny.gzipped.trainImages)
  t.ok(file.lasting)
  t.same(compressed, [])
})

t.test('a corrupt file in the cache is set aside and brought again', async t => {
  for (const name of [tiny.entry.files.testLabels.name, `${tiny.entry.files.testLabels.name}.gz`]) {
    const folder = t.testdir()
    const before = originals(reproducible, { folder })
    const { sha256 } = await before.open(name)
    const path = join(folder, 'files', sha256)
    const right = await readFile(path)
    await writeFile(path, right.map(byte => byte ^ 1))

    const after = originals(reproducible, { folder })
    t.same(await all(await after.open(name)), right)
    t.match(after.warnings, [/from cache: has SHA-256 /])
    t.same(await readFile(join(folder, 'corrupt', sha256)), right.map(byte => byte ^ 1))

    await writeFile(path, right.map(byte => byte ^ 2))
    t.same(await all(await before.open(name)), right, 'it is noticed later, too')
  }
})

t.test('a file that is gone between two requests is brought again', async t => {
  const folder = t.testdir()
  const { open, asked } = originals(reproducible, { folder })
  const file = await open(name)
  t.testdir()
  await t.rejects(file.read(0, 1), { code: 'ENOENT' })
  t.same(await all(await open(name)), content)
  t.same(asked, [name, name])
})

t.test('a file that changes while it is asked for is not read', async t => {
  const folder = t.testdir()
  const { open } = originals(reproducible, { folder })
  const file = await open(name)
  await writeFile(join(folder, 'files', file.sha256), 'else')
  await t.rejects(file.read(0, 1), { code: 'source_unavailable', message: 'the file has changed since it was verified; retry the request' })
})

t.test('a cache that cannot be written is no reason not to serve', async t => {
  const folder = join(t.testdir({ occupied: '' }), 'occupied')
  const { open, asked, warnings } = originals(reproducible, { folder })
  for (const [which, expected] of [[name, content], [`${name}.gz`, gzip(content, header)]] as const) {
    const file = await open(which)
    t.same(await all(file), expected)
    t.same(await buffer(await file.read(5, 6)), expected.subarray(5, 7))
    t.same(await all(await open(which)), expected)
  }
  t.same(asked, [name, name], 'it is kept all the same')
  t.ok(warnings.some(message => message.includes('cannot be cached')))
})

t.test('a failure is not kept', async t => {
  let broken = true
  const { open } = originals(reproducible, { folder: t.testdir(), read: async () => broken ? undefined : content })
  await t.rejects(open(name), { code: 'no_source' })
  broken = false
  t.same(await all(await open(name)), content)
  await t.rejects(open('nothing'), { code: 'unknown_file', message: new RegExp(`^tiny has no file 'nothing'; there are: ${name}.gz, ${name}, `) })
})
