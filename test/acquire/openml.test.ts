import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { acquire } from '../../src/acquire/acquire.ts'
import { FileCache } from '../../src/acquire/cache.ts'
import { ConvertedSource } from '../../src/acquire/converted-source.ts'
import { HttpClient, defaultRetryPolicy } from '../../src/acquire/http-client.ts'
import { OpenML } from '../../src/acquire/openml.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import { ranged, send, startMirror, status, type Answer } from '../fixtures/mirror.ts'
import { arffOf, readFiles, tinyDataset } from '../fixtures/tiny-dataset.ts'

const tiny = tinyDataset()
const arff = arffOf(tiny)
const md5 = createHash('md5').update(arff).digest('hex')
const layout = { shape: { channels: 1, rows: 4, columns: 4 }, train: 60, test: 20 } as const
const { entry } = tiny
const http = new HttpClient({ ...defaultRetryPolicy, attempts: 2, backoffMs: 1 })
t.teardown(() => http.close())

const description = {
  id: '554',
  name: 'tiny',
  version: '1',
  format: 'ARFF',
  file_id: '52667',
  default_target_attribute: 'class',
  md5_checksum: md5
}
const describing = (overrides: object = {}): Answer => {
  return send(Buffer.from(JSON.stringify({ data_set_description: { ...description, ...overrides } })))
}

async function acquireFrom (t: Test, answers: { describe?: Answer, file?: Answer }) {
  const openml = await startMirror(t, {
    'api/v1/json/data/554': answers.describe ?? describing(),
    'data/v1/download/52667': answers.file ?? send(arff)
  })
  const warnings: string[] = []
  const dataFolder = t.testdir()
  const cache = new FileCache(dataFolder)
  const warn = (message: string): void => { warnings.push(message) }
  const table = new OpenML({ id: 554, md5, layout }, { address: openml.base, http, cache, warn })
  const source = new ConvertedSource(entry, { ...entry, format: 'arff', layout }, table)
  const acquiring = acquire(entry, {
    cache,
    sources: [source],
    signal: new AbortController().signal,
    report: () => {},
    warn
  })
  return { acquiring, openml, warnings, dataFolder }
}

const codings: Array<[what: string, file: Answer]> = [
  ['uncompressed', send(arff)],
  ['gzipped', send(gzipSync(arff), { 'content-encoding': 'gzip' })]
]
for (const [what, file] of codings) {
  t.test(`the table, ${what}, yields the files of the mirrors and is downloaded once`, async t => {
    const { acquiring, openml, warnings, dataFolder } = await acquireFrom(t, { file })
    const { files, provenance } = await acquiring
    t.same(await readFiles(files), tiny.content)
    t.same(new Set(provenance.map(({ source }) => source)), new Set(['OpenML 554']))
    t.same(warnings, [])
    t.same(openml.requests, ['api/v1/json/data/554', 'data/v1/download/52667'])
    await checkCache(t, dataFolder, 4)
  })
}

t.test('an interrupted table is resumed', async t => {
  const file = ranged([{ bytes: arff, etag: '"a"', cutAfter: 1000 }, { bytes: arff, etag: '"a"' }])
  const { acquiring, openml } = await acquireFrom(t, { file })
  t.same((await readFiles((await acquiring).files)).testImages, tiny.content.testImages)
  t.same(openml.ranges, [undefined, undefined, 'bytes=1000-'])
})

const other = Buffer.from(arff.toString().replace('\n1', '\n2'))
const faults: Array<[what: string, answers: Parameters<typeof acquireFrom>[1], reason: RegExp]> = [
  ['unknown dataset', { describe: status(412) }, /^HTTP 412$/],
  ['invalid description', { describe: send(Buffer.from('<html>')) }, /^its description is not JSON$/],
  ['description of another dataset', { describe: describing({ id: '555' }) },
    /^its description has id '555', expected '554'$/],
  ['description of another file', { describe: describing({ md5_checksum: '0' }) },
    /^its description has md5_checksum '0', expected '[0-9a-f]{32}'$/],
  ['another format', { describe: describing({ format: 'Sparse_ARFF' }) },
    /^its description has format 'Sparse_ARFF', expected 'arff'$/],
  ['another target', { describe: describing({ default_target_attribute: 'y' }) },
    /^its description has default_target_attribute 'y', expected 'class'$/],
  ['malicious file id', { describe: describing({ file_id: '../../etc' }) },
    /^its description has file_id '..\/..\/etc', expected a number$/],
  ['missing file', { file: status(404) }, /^HTTP 404$/],
  ['HTML page', { file: send(Buffer.from('<html>\n')) }, /^is an HTML page, not data$/],
  ['wrong numbers', { file: send(other) }, /^has MD5 [0-9a-f]{32}, expected [0-9a-f]{32}$/],
  ['truncated table', { file: send(arff.subarray(0, -30)) }, /^has MD5/],
  ['truncated gzip', { file: send(gzipSync(arff).subarray(0, -20)) }, /^is not a complete gzip file: /],
  ['other bytes after the gzip', { file: send(Buffer.concat([gzipSync(arff), Buffer.from('<!-- end -->')])) },
    /^is not a complete gzip file: /],
  ['gzip bomb', { file: send(gzipSync(Buffer.alloc(64 << 20, '%\n'))) }, /^has more than \d+ bytes$/]
]
for (const [what, answers, reason] of faults) {
  t.test(`${what}: one warning, and nothing is cached`, async t => {
    const { acquiring, warnings, dataFolder } = await acquireFrom(t, answers)
    await t.rejects(acquiring, { code: 'no_source' })
    t.equal(warnings.length, 1)
    const start = `${tiny.files.trainImages.name} from OpenML 554: `
    t.ok(warnings[0]!.startsWith(start), warnings[0])
    t.match(warnings[0]!.slice(start.length), reason)
    t.same(await readdir(dataFolder), ['locks'])
  })
}
