import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { DatasetEntry } from '../../src/dataset/entry.ts'
import { splitNames } from '../../src/dataset/sample-splits.ts'
import { appOver } from '../fixtures/app.ts'
import { checkCache } from '../fixtures/cache-folder.ts'
import {
  cifar10Archive, cifar10Counts, cifar10Labels, cifar10Members, pixels, tarOf, withTar, type Members
} from '../fixtures/cifar.ts'
import { load } from '../fixtures/loading.ts'
import { ranged, send, startMirror, status } from '../fixtures/mirror.ts'

const name = 'cifar-10-binary.tar.gz'
const settings = {
  split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
  prepare: { denoise: 'none', meanOver: 'train' }
} as const
const declare = (...mirrors: string[]): DatasetEntry => withTar('cifar-10', cifar10Archive, cifar10Counts, mirrors)
const [{ sha256 }] = withTar('cifar-10', cifar10Archive, cifar10Counts).files

t.test('an archive is downloaded, verified, decoded, prepared and served', async t => {
  const mirror = await startMirror(t, { [name]: send(cifar10Archive) })
  const entry = declare(mirror.base)
  const { loading, logged, dataFolder } = load(t, entry, settings)
  const dataset = await loading
  t.same(logged.filter(({ level }) => level === 'warn'), [])
  t.same(dataset.shape, { channels: 3, rows: 32, columns: 32 })
  t.same(splitNames.map(split => [...dataset.splits[split].labels]),
    [cifar10Labels.train.flat().slice(0, 8), cifar10Labels.train[4], cifar10Labels.test])
  t.same(Buffer.from(dataset.splits.val.images), Buffer.concat([pixels(5, 0), pixels(5, 1)]))
  const source = mirror.base
  t.same(dataset.files, [{ name, bytes: cifar10Archive.length, sha256, source, gzipped: false }])
  t.same(mirror.requests, [name])
  await checkCache(t, dataFolder, 1)

  const { app } = await appOver(t, [dataset])
  const { provenance } = (await app.inject('/v1/datasets/cifar-10')).json()
  const url = `/v1/datasets/cifar-10/files/${name}`
  t.same(provenance.files, [{ name, bytes: cifar10Archive.length, sha256, source, url }])
  const file = await app.inject(url)
  t.same(file.rawPayload, cifar10Archive)
  t.match(file.headers, { 'content-type': 'application/gzip', etag: `"${sha256}"`, 'cache-control': /immutable/ })
  t.match((await app.inject(`${url}.gz`)).json(), { code: 'unknown_file', detail: /there are: [^ ]+\.tar\.gz$/ })
  const { distribution } = (await app.inject('/v1/datasets/cifar-10/croissant')).json()
  t.match(distribution[0], { name, encodingFormat: 'application/gzip', sha256, description: /in the CIFAR format/ })

  await load(t, entry, { ...settings, dataFolder }).loading
  const again = load(t, entry, { ...settings, dataFolder, split: { ...settings.split, valFraction: 0.5 } })
  t.same((await again.loading).files[0]!.source, 'cache', 'other settings need no download')
  t.same(mirror.requests, [name])
})

t.test('a damaged archive in the cache is quarantined and downloaded again', async t => {
  const mirror = await startMirror(t, { [name]: send(cifar10Archive) })
  const dataFolder = t.testdir()
  await load(t, declare(mirror.base), { ...settings, dataFolder }).loading
  await writeFile(join(dataFolder, 'files', sha256), cifar10Archive.subarray(1))
  const split = { ...settings.split, seed: 1 }
  const { loading, logged } = load(t, declare(mirror.base), { ...settings, dataFolder, split })
  t.equal((await loading).files[0]!.source, mirror.base)
  t.match(logged.filter(({ level }) => level === 'warn').map(({ message }) => message),
    [/^cifar-10-binary\.tar\.gz in the cache has \d+ bytes, expected \d+$/])
  t.same(await readFile(join(dataFolder, 'corrupt', sha256)), cifar10Archive.subarray(1))
  await checkCache(t, dataFolder, 1)
})

t.test('mirrors are tried in turn, and interrupted downloads are resumed', async t => {
  const wrong = await startMirror(t, { [name]: send(Buffer.alloc(cifar10Archive.length)) })
  const lacking = await startMirror(t, { [name]: status(404) })
  const parts = [{ bytes: cifar10Archive, etag: '"a"', cutAfter: 700 }, { bytes: cifar10Archive, etag: '"a"' }]
  const cut = await startMirror(t, { [name]: ranged(parts) })
  const { loading, logged } = load(t, declare(wrong.base, lacking.base, cut.base), settings)
  t.equal((await loading).files[0]!.source, cut.base)
  t.same(cut.ranges, [undefined, 'bytes=700-'])
  t.match(logged.filter(({ level }) => level === 'warn').map(({ message }) => message), [
    new RegExp(`^${name} from ${wrong.base}: has SHA-256 [0-9a-f]{64}, expected ${sha256}$`),
    `${name} from ${lacking.base}: HTTP 404`
  ])
  await t.rejects(load(t, declare(wrong.base), settings).loading, {
    code: 'no_source',
    message: new RegExp(`^no source has ${name}: ${wrong.base}: has SHA-256`)
  })
})

t.test('an archive in a local folder is served from the cache, where it is copied on demand', async t => {
  const readme: Members[number] = ['cifar-10-batches-bin/readme.html', randomBytes(700_000)]
  const members = [...cifar10Members(cifar10Labels.train, cifar10Labels.test), readme]
  const archive = gzipSync(tarOf(members))
  const folder = t.testdir({ 'cifar-10': { [name]: archive } })
  const dataFolder = join(folder, 'data')
  const sources = { order: ['folder'], folder, mirrors: [], openmlUrl: '', offline: true } as const
  const entry = withTar('cifar-10', archive, cifar10Counts)
  const dataset = await load(t, entry, { ...settings, dataFolder, sources }).loading
  t.equal(dataset.files[0]!.source, 'folder cifar-10')
  const { app } = await appOver(t, [dataset])
  for (let request = 0; request < 2; request++) {
    t.ok((await app.inject(`/v1/datasets/cifar-10/files/${name}`)).rawPayload.equals(archive))
  }
  await checkCache(t, dataFolder, 1)
})

t.test('without a data folder, the archive is decoded and served from a temporary file', async t => {
  const mirror = await startMirror(t, { [name]: send(cifar10Archive) })
  const dataFolder = join(t.testdir({ file: 'not a folder' }), 'file', 'data')
  const { loading } = load(t, declare(mirror.base), { ...settings, dataFolder })
  const { app } = await appOver(t, [await loading])
  const range = { range: 'bytes=10-19' }
  const { rawPayload } = await app.inject({ url: `/v1/datasets/cifar-10/files/${name}`, headers: range })
  t.same(rawPayload, cifar10Archive.subarray(10, 20))
})
