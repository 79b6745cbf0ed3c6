import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { assembleDataset } from '../../src/decode/raw-dataset.ts'
import { verifyFile } from '../../src/decode/verify-file.ts'
import { gunzip, isGzip } from '../../src/decode/gunzip.ts'
import { idxByteLength, parseIdx, type IdxArray } from '../../src/decode/idx.ts'
import { idxFile, perRole, tinyDataset } from '../fixtures/tiny-dataset.ts'

const MiB = 1 << 20

t.test('IDX: reads dimensions and data, as a view', async t => {
  // In the middle of a larger buffer, as a file from a pool is.
  const pool = Buffer.concat([Buffer.alloc(3, 0xee), idxFile([2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 6)), Buffer.alloc(5, 0xee)])
  const { dimensions, data } = parseIdx(pool.subarray(3, -5))
  t.same(dimensions, [2, 1, 3])
  t.same([...data], [1, 2, 3, 4, 5, 6])
  t.equal(data.buffer, pool.buffer, 'nothing is copied')
  t.equal(parseIdx(pool.subarray(3, -5)).data.length + 16, idxByteLength([2, 1, 3]))
})

t.test('IDX: zero samples are a valid array', async t => {
  const { dimensions, data } = parseIdx(idxFile([0, 28, 28], new Uint8Array(0)))
  t.same(dimensions, [0, 28, 28])
  t.equal(data.length, 0)
})

t.test('IDX: refuses what is malformed, and says why', async t => {
  const good = idxFile([2, 2], Uint8Array.of(1, 2, 3, 4))
  const cases: Array<[what: string, bytes: Uint8Array, reason: RegExp]> = [
    ['nothing', new Uint8Array(0), /starts with nothing, expected 00 00 08/],
    ['half a magic', good.subarray(0, 3), /starts with 00 00 08, expected/],
    ['another magic', Buffer.from('PK\x03\x04 and more'), /starts with 50 4b 03 04/],
    ['little-endian magic', Uint8Array.of(1, 8, 0, 0, 1, 0, 0, 0, 7), /starts with 01 08 00 00/],
    ['32-bit integers', Uint8Array.of(0, 0, 0x0c, 1, 0, 0, 0, 1, 0, 0, 0, 7), /starts with 00 00 0c 01/],
    ['no dimensions', Uint8Array.of(0, 0, 8, 0, 7), /header of 0 dimensions in 5 bytes/],
    ['a header that ends early', good.subarray(0, 11), /header of 2 dimensions in 11 bytes/],
    ['255 dimensions and no more', Uint8Array.of(0, 0, 8, 255), /header of 255 dimensions in 4 bytes/],
    ['too little data', good.subarray(0, -1), /has 3 bytes of data, but its IDX header says 2×2 = 4/],
    ['too much data', Buffer.concat([good, Uint8Array.of(9)]), /has 5 bytes of data, but its IDX header says 2×2 = 4/],
    ['a zero dimension, and data', idxFile([0, 2], Uint8Array.of(1)), /has 1 bytes of data, but its IDX header says 0×2 = 0/]
  ]
  for (const [what, bytes, reason] of cases) {
    t.throws(() => parseIdx(bytes), { code: 'invalid_file', message: reason }, what)
  }
})

t.test('IDX: absurd dimensions cost nothing', async t => {
  const huge = 0xffffffff
  const before = process.memoryUsage().arrayBuffers
  t.throws(() => parseIdx(idxFile([huge, huge, huge, huge], Uint8Array.of(1, 2))), { code: 'invalid_file', message: /has 2 bytes of data, but/ })
  // 2¹⁶·2¹⁶ is 0 in 32 bits: a reader that wraps would take this for an empty array.
  t.throws(() => parseIdx(idxFile([0x10000, 0x10000], new Uint8Array(0))), { code: 'invalid_file', message: /65536×65536 = 4294967296/ })
  t.ok(process.memoryUsage().arrayBuffers - before < MiB, 'nothing was allocated for them')
})

t.test('gunzip: gives the content, up to the limit and no further', async t => {
  const content = Buffer.from('seven b')
  const bytes = gzipSync(content)
  t.ok(isGzip(bytes))
  t.notOk(isGzip(content))
  t.notOk(isGzip(new Uint8Array(0)))
  t.same(Buffer.from(await gunzip(bytes, 7)), content)
  await t.rejects(gunzip(bytes, 6), { code: 'invalid_file', message: 'decompresses to more than the expected 6 bytes' })
})

t.test('gunzip: stops a bomb', async t => {
  const bomb = gzipSync(Buffer.alloc(200 * MiB))
  t.ok(bomb.length < MiB)
  let most = 0
  const before = process.memoryUsage().arrayBuffers
  const watch = setInterval(() => { most = Math.max(most, process.memoryUsage().arrayBuffers - before) }, 1)
  await t.rejects(gunzip(bomb, MiB), { code: 'invalid_file', message: /decompresses to more than the expected 1048576 bytes/ })
  clearInterval(watch)
  most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  t.ok(most < 16 * MiB, `held ${most} bytes at most`)
})

t.test('gunzip: refuses what is damaged', async t => {
  const bytes = gzipSync(Buffer.alloc(1000, 'abc'))
  const wrongSum = Buffer.from(bytes)
  wrongSum.writeUInt32LE(~bytes.readUInt32LE(bytes.length - 8) >>> 0, bytes.length - 8)
  const cases: Array<[what: string, bytes: Uint8Array]> = [
    ['truncated', bytes.subarray(0, -9)],
    ['without its checksum', bytes.subarray(0, -8)],
    ['garbage after the magic', Buffer.concat([bytes.subarray(0, 3), Buffer.alloc(50, 0x5a)])],
    ['the magic alone', bytes.subarray(0, 2)],
    ['a wrong checksum', wrongSum]
  ]
  for (const [what, damaged] of cases) {
    await t.rejects(gunzip(damaged, 1000), { code: 'invalid_file', message: /^is not a complete gzip file: ./ }, what)
  }
})

t.test('verifyFile: takes the file, gzipped or not', async t => {
  const { entry, content, gzipped } = tinyDataset()
  for (const role of ['trainImages', 'testLabels'] as const) {
    for (const bytes of [content[role], gzipped[role], gzipSync(content[role], { level: 1 })]) {
      const file = await verifyFile(bytes, entry.files[role])
      t.same(Buffer.from(file.content), content[role])
      t.same(file.dimensions, entry.files[role].dimensions)
      t.same(Buffer.from(file.data), content[role].subarray(4 + 4 * file.dimensions.length))
    }
  }
})

t.test('verifyFile: refuses another file, and says why', async t => {
  const { entry: { files: { trainLabels: declared } }, content: { trainLabels: content } } = tinyDataset()
  const page = '<!DOCTYPE html><html>We are down</html>'
  const flipped = Buffer.from(content)
  flipped[20]! ^= 1
  const found = createHash('sha256').update(flipped).digest('hex')
  const html = 'is an HTML page, not data'
  const cases: Array<[what: string, bytes: Buffer, reason: string | RegExp]> = [
    ['a page', Buffer.from(page), html],
    ['a page after white space', Buffer.from(`\r\n\t  ${page}`), html],
    ['a page after a byte order mark', Buffer.from(`\ufeff${page}`), html],
    ['a page after both', Buffer.from(`\ufeff\n ${page}`), html],
    ['a gzipped page', gzipSync(page), /is not IDX of unsigned bytes/],
    ['one other bit', flipped, `has SHA-256 ${found}, expected ${declared.sha256}`],
    ['one other bit, gzipped', gzipSync(flipped), `has SHA-256 ${found}, expected ${declared.sha256}`],
    ['the same bytes in another shape', idxFile([6, 10], content.subarray(8)), /has dimensions 6×10, expected 60/],
    ['fewer samples', idxFile([59], content.subarray(8, -1)), 'has dimensions 59, expected 60'],
    ['a longer file, gzipped', gzipSync(Buffer.concat([content, Buffer.alloc(1)])), 'decompresses to more than the expected 68 bytes'],
    ['nothing', Buffer.alloc(0), /starts with nothing/]
  ]
  for (const [what, bytes, reason] of cases) {
    await t.rejects(verifyFile(bytes, declared), { code: 'invalid_file', message: reason }, what)
  }
})

t.test('assembleDataset: puts the files together without copying', async t => {
  const { content } = tinyDataset()
  const raw = assembleDataset(perRole(role => parseIdx(content[role])), 3)
  t.same([raw.rows, raw.columns, raw.train.count, raw.test.count], [4, 4, 60, 20])
  t.equal(raw.train.images.buffer, content.trainImages.buffer)
  t.equal(raw.train.images.length, 60 * 16)
  t.same(Buffer.from(raw.train.labels), content.trainLabels.subarray(8))
  t.same(Buffer.from(raw.test.images), content.testImages.subarray(16))
  t.same(Buffer.from(raw.test.labels), content.testLabels.subarray(8))
})

t.test('assembleDataset: refuses files that disagree', async t => {
  const array = (...dimensions: number[]): IdxArray => ({ dimensions, data: new Uint8Array(dimensions.reduce((a, b) => a * b)) })
  const good = { trainImages: array(3, 2, 2), trainLabels: array(3), testImages: array(2, 2, 2), testLabels: array(2) }
  t.equal(assembleDataset(good, 1).train.count, 3)
  const cases: Array<[changed: Partial<typeof good>, reason: string]> = [
    [{ trainLabels: array(4) }, 'there are 3 training images but 4 labels'],
    [{ testImages: array(1, 2, 2) }, 'there are 1 test images but 2 labels'],
    [{ testImages: array(2, 2, 3) }, 'training images are 2×2, test images 2×3'],
    [{ testImages: array(2, 4, 1) }, 'training images are 2×2, test images 4×1'],
    [{ trainImages: array(3, 4) }, 'training images have 2 dimensions and labels 1, expected 3 and 1'],
    [{ testImages: array(2, 2, 2, 1) }, 'test images have 4 dimensions and labels 1, expected 3 and 1'],
    [{ testLabels: array(2, 8) }, 'test images have 3 dimensions and labels 2, expected 3 and 1'],
    [{ trainLabels: { dimensions: [3], data: Uint8Array.of(0, 1, 2) } }, 'training labels have a 2, allowed are 0 to 1'],
    [{ testLabels: { dimensions: [2], data: Uint8Array.of(255, 0) } }, 'test labels have a 255, allowed are 0 to 1']
  ]
  for (const [changed, reason] of cases) {
    t.throws(() => assembleDataset({ ...good, ...changed }, 2), { code: 'invalid_file', message: reason }, reason)
  }
})

t.test('IDX: reads 32-bit integers, big-endian', async t => {
  const file = Buffer.from('00000c02' + '00000002' + '00000002' + '00000001' + 'ffffffff' + '7fffffff' + '80000000', 'hex')
  const { dimensions, data } = parseIdx(file, 'int32')
  t.same(dimensions, [2, 2])
  t.same(data, Int32Array.of(1, -1, 0x7fffffff, -0x80000000))
  t.equal(idxByteLength([2, 2], 'int32'), file.length)
  t.throws(() => parseIdx(file.subarray(0, -1), 'int32'), { code: 'invalid_file', message: 'has 15 bytes of data, but its IDX header says 2×2 = 4 of 4 bytes' })
  t.throws(() => parseIdx(file), { code: 'invalid_file', message: 'is not IDX of unsigned bytes: starts with 00 00 0c 02, expected 00 00 08' })
  t.throws(() => parseIdx(idxFile([1], Uint8Array.of(1)), 'int32'), { code: 'invalid_file', message: 'is not IDX of 32-bit integers: starts with 00 00 08 01, expected 00 00 0c' })
})

t.test('verifyFile: where only the gzip is known, only that is taken', async t => {
  const { entry, content, gzipped } = tinyDataset()
  const { sha256, ...declared } = entry.files.trainLabels
  const file = await verifyFile(gzipped.trainLabels, declared)
  t.same([Buffer.from(file.content), file.sha256, file.gzip], [content.trainLabels, sha256, gzipped.trainLabels])
  await t.rejects(verifyFile(content.trainLabels, declared), { code: 'invalid_file', message: `is not gzipped, expected the gzip with SHA-256 ${declared.gzip.sha256}` })
  await t.rejects(verifyFile(gzipSync(content.trainLabels, { level: 1 }), declared), { code: 'invalid_file', message: /^has SHA-256 [0-9a-f]{64}, expected the gzip with SHA-256/ })
})

t.test('verifyFile: where nothing is known, the archive has to vouch for it, and the header says how many there are', async t => {
  const { content, gzipped } = tinyDataset()
  const declared = { name: 'a', dimensions: [7, 4, 4] }
  await t.rejects(verifyFile(gzipped.trainImages, declared), { code: 'invalid_file', message: 'has no known hash; only its archive can be verified' })
  t.same((await verifyFile(gzipped.trainImages, declared, true)).dimensions, [60, 4, 4])
  await t.rejects(verifyFile(content.trainImages, { name: 'a', dimensions: [7, 5, 4] }, true), { code: 'invalid_file', message: 'has dimensions N×4×4, expected N×5×4' })
})

t.test('assembleDataset: takes the column and the first label that it is told', async t => {
  const images = (count: number): IdxArray => ({ dimensions: [count, 1, 1], data: new Uint8Array(count) })
  const rows: IdxArray = { dimensions: [2, 3], data: Int32Array.of(5, 9, 7, 6, 9, 7) }
  const files = { trainImages: images(2), trainLabels: rows, testImages: images(2), testLabels: rows }
  t.same(assembleDataset(files, 2, { labelColumn: 0, firstLabel: 5 }).train.labels, Uint8Array.of(0, 1))
  t.same(assembleDataset(files, 10, { labelColumn: 2 }).test.labels, Uint8Array.of(7, 7))
  t.throws(() => assembleDataset(files, 2, { labelColumn: 0, firstLabel: 4 }), { code: 'invalid_file', message: 'training labels have a 6, allowed are 4 to 5' })
  t.throws(() => assembleDataset(files, 2, { labelColumn: 0, firstLabel: 6 }), { code: 'invalid_file', message: 'training labels have a 5, allowed are 6 to 7' })
  t.throws(() => assembleDataset(files, 10), { code: 'invalid_file', message: 'training images have 3 dimensions and labels 2, expected 3 and 1' })
})

t.test('assembleDataset: turns upright what was stored column by column', async t => {
  const images: IdxArray = { dimensions: [2, 2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16) }
  const labels: IdxArray = { dimensions: [2], data: Uint8Array.of(0, 1) }
  const { rows, columns, train } = assembleDataset({ trainImages: images, trainLabels: labels, testImages: images, testLabels: labels }, 2, { transposed: true })
  t.same([rows, columns], [3, 2])
  t.same(train.images, Uint8Array.of(1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16))
})
