import t from 'tap'
import { fileInMemory } from '../../src/decode/dataset-format.ts'
import { assembleDataset, idx, parseIdx, type IdxArray } from '../../src/decode/idx.ts'
import { fileRoles, idxFile, tinyDataset } from '../fixtures/tiny-dataset.ts'

const MiB = 1 << 20

t.test('parseIdx returns dimensions, and data as a view', async t => {
  // In the middle of a larger buffer, like a file in Node's buffer pool.
  const file = idxFile([2, 1, 3], Uint8Array.of(1, 2, 3, 4, 5, 6))
  const pool = Buffer.concat([Buffer.alloc(3, 0xee), file, Buffer.alloc(5, 0xee)])
  const { dimensions, data } = parseIdx(pool.subarray(3, -5))
  t.same(dimensions, [2, 1, 3])
  t.same([...data], [1, 2, 3, 4, 5, 6])
  t.equal(data.buffer, pool.buffer, 'not a copy')
})

t.test('parseIdx accepts zero samples', async t => {
  const { dimensions, data } = parseIdx(idxFile([0, 28, 28], new Uint8Array(0)))
  t.same(dimensions, [0, 28, 28])
  t.equal(data.length, 0)
})

t.test('parseIdx rejects malformed files, with the reason', async t => {
  const good = idxFile([2, 2], Uint8Array.of(1, 2, 3, 4))
  const cases: Array<[what: string, bytes: Uint8Array, reason: RegExp]> = [
    ['empty file', new Uint8Array(0), /starts with nothing, expected 00 00 08/],
    ['incomplete magic number', good.subarray(0, 3), /starts with 00 00 08, expected/],
    ['another magic number', Buffer.from('PK\x03\x04 and more'), /starts with 50 4b 03 04/],
    ['little-endian magic number', Uint8Array.of(1, 8, 0, 0, 1, 0, 0, 0, 7), /starts with 01 08 00 00/],
    ['32-bit integers', Uint8Array.of(0, 0, 0x0c, 1, 0, 0, 0, 1, 0, 0, 0, 7), /starts with 00 00 0c 01/],
    ['no dimensions', Uint8Array.of(0, 0, 8, 0, 7), /header of 0 dimensions in 5 bytes/],
    ['truncated header', good.subarray(0, 11), /header of 2 dimensions in 11 bytes/],
    ['255 dimensions, and nothing else', Uint8Array.of(0, 0, 8, 255), /header of 255 dimensions in 4 bytes/],
    ['images without rows', idxFile([2, 0, 5], Buffer.alloc(0)), /header of 2×0×5: nothing in each row/],
    ['images without columns', idxFile([2, 5, 0], Buffer.alloc(0)), /header of 2×5×0: nothing in each row/],
    ['images without pixels', idxFile([0, 0, 0], Buffer.alloc(0)), /header of 0×0×0: nothing in each row/],
    ['too little data', good.subarray(0, -1), /has 3 bytes of data, but its IDX header says 2×2 = 4/],
    ['too much data', Buffer.concat([good, Uint8Array.of(9)]), /has 5 bytes of data, but its IDX header says 2×2 = 4/],
    ['a zero dimension, but data', idxFile([0, 2], Uint8Array.of(1)),
      /has 1 bytes of data, but its IDX header says 0×2 = 0/]
  ]
  for (const [what, bytes, reason] of cases) {
    t.throws(() => parseIdx(bytes), { code: 'invalid_file', message: reason }, what)
  }
})

t.test('parseIdx allocates nothing for absurd dimensions', async t => {
  const huge = 0xffffffff
  const before = process.memoryUsage().arrayBuffers
  t.throws(() => parseIdx(idxFile([huge, huge, huge, huge], Uint8Array.of(1, 2))), {
    code: 'invalid_file',
    message: /has 2 bytes of data, but/
  })
  // 2¹⁶·2¹⁶ overflows to 0 in 32 bits, which would be a valid empty array.
  t.throws(() => parseIdx(idxFile([0x10000, 0x10000], new Uint8Array(0))), {
    code: 'invalid_file',
    message: /65536×65536 = 4294967296/
  })
  t.ok(process.memoryUsage().arrayBuffers - before < MiB)
})

t.test('parseIdx reads big-endian 32-bit integers', async t => {
  const file = Buffer.from('00000c02' + '0000000200000002' + '00000001ffffffff7fffffff80000000', 'hex')
  const { dimensions, data } = parseIdx(file, 'int32')
  t.same(dimensions, [2, 2])
  t.same(data, Int32Array.of(1, -1, 0x7fffffff, -0x80000000))
  t.throws(() => parseIdx(file.subarray(0, -1), 'int32'), {
    code: 'invalid_file',
    message: 'has 15 bytes of data, but its IDX header says 2×2 = 4 of 4 bytes'
  })
  t.throws(() => parseIdx(file), {
    code: 'invalid_file',
    message: 'is not IDX of unsigned bytes: starts with 00 00 0c 02, expected 00 00 08'
  })
  t.throws(() => parseIdx(idxFile([1], Uint8Array.of(1)), 'int32'), {
    code: 'invalid_file',
    message: 'is not IDX of 32-bit integers: starts with 00 00 08 01, expected 00 00 0c'
  })
})

t.test('encode is the inverse of decode', async t => {
  const { entry, content } = tinyDataset()
  const raw = await idx.decode(fileRoles.map(role => fileInMemory(role, content[role])), entry)
  for (const [i, role] of fileRoles.entries()) t.same(Buffer.from(idx.encode!(raw, i)), content[role])
})

t.test('assembleDataset combines files without copying', async t => {
  const { content } = tinyDataset()
  const raw = await assembleDataset(fileRoles.map(role => parseIdx(content[role])), 3)
  t.same([raw.shape.rows, raw.shape.columns, raw.train.count, raw.test.count], [4, 4, 60, 20])
  t.equal(raw.train.images.buffer, content.trainImages.buffer)
  t.equal(raw.train.images.length, 60 * 16)
  t.same(Buffer.from(raw.train.labels), content.trainLabels.subarray(8))
  t.same(Buffer.from(raw.test.images), content.testImages.subarray(16))
  t.same(Buffer.from(raw.test.labels), content.testLabels.subarray(8))
})

t.test('assembleDataset rejects files that disagree', async t => {
  const array = (...dimensions: number[]): IdxArray => {
    return { dimensions, data: new Uint8Array(dimensions.reduce((a, b) => a * b)) }
  }
  const good = { trainImages: array(3, 2, 2), trainLabels: array(3), testImages: array(2, 2, 2), testLabels: array(2) }
  t.equal((await assembleDataset(Object.values(good), 1)).train.count, 3)
  const cases: Array<[changed: Partial<typeof good>, reason: string]> = [
    [{ trainLabels: array(4) }, 'there are 3 training images but 4 labels'],
    [{ testImages: array(1, 2, 2) }, 'there are 1 test images but 2 labels'],
    [{ testImages: array(2, 2, 3) }, 'training images are 2×2, test images 2×3'],
    [{ testImages: array(2, 4, 1) }, 'training images are 2×2, test images 4×1'],
    [{ trainImages: array(3, 4) }, 'training images have 2 dimensions and labels 1, expected 3 and 1'],
    [{ testImages: array(2, 2, 2, 1) }, 'test images have 4 dimensions and labels 1, expected 3 and 1'],
    [{ testLabels: array(2, 8) }, 'test images have 3 dimensions and labels 2, expected 3 and 1'],
    [{ trainImages: array(0, 2, 2), trainLabels: array(0) }, 'there are no training images'],
    [{ trainImages: { dimensions: [0, 0xffffffff, 2], data: new Uint8Array(0) }, trainLabels: array(0) },
      'training images have 4294967295×2 pixels, allowed are 1 to 16777216'],
    [{ testImages: { dimensions: [0, 4097, 4096], data: new Uint8Array(0) }, testLabels: array(0) },
      'test images have 4097×4096 pixels, allowed are 1 to 16777216'],
    [{ trainImages: { dimensions: [3, 0, 0], data: new Uint8Array(0) } },
      'training images have 0×0 pixels, allowed are 1 to 16777216'],
    [{ trainLabels: { dimensions: [3], data: Uint8Array.of(0, 1, 2) } },
      'training labels have a 2, allowed are 0 to 1'],
    [{ testLabels: { dimensions: [2], data: Uint8Array.of(255, 0) } }, 'test labels have a 255, allowed are 0 to 1']
  ]
  for (const [changed, reason] of cases) {
    const files = Object.values({ ...good, ...changed })
    await t.rejects(assembleDataset(files, 2), { code: 'invalid_file', message: reason }, reason)
  }
})

t.test('assembleDataset accepts files without test samples', async t => {
  const images = (count: number): IdxArray => ({ dimensions: [count, 2, 2], data: new Uint8Array(4 * count) })
  const labels = (count: number): IdxArray => ({ dimensions: [count], data: new Uint8Array(count) })
  const files = [images(1), labels(1), images(0), labels(0)]
  t.match(await assembleDataset(files, 1), { shape: { rows: 2, columns: 2 }, train: { count: 1 }, test: { count: 0 } })
})

t.test('assembleDataset selects the label column and subtracts the first label', async t => {
  const images = (count: number): IdxArray => ({ dimensions: [count, 1, 1], data: new Uint8Array(count) })
  const rows: IdxArray = { dimensions: [2, 3], data: Int32Array.of(5, 9, 7, 6, 9, 7) }
  const files = [images(2), rows, images(2), rows]
  t.same((await assembleDataset(files, 2, { labelColumn: 0, firstLabel: 5 })).train.labels, Uint8Array.of(0, 1))
  t.same((await assembleDataset(files, 10, { labelColumn: 2 })).test.labels, Uint8Array.of(7, 7))
  await t.rejects(assembleDataset(files, 2, { labelColumn: 0, firstLabel: 4 }), {
    code: 'invalid_file',
    message: 'training labels have a 6, allowed are 4 to 5'
  })
  await t.rejects(assembleDataset(files, 2, { labelColumn: 0, firstLabel: 6 }), {
    code: 'invalid_file',
    message: 'training labels have a 5, allowed are 6 to 7'
  })
  await t.rejects(assembleDataset(files, 10), {
    code: 'invalid_file',
    message: 'training images have 3 dimensions and labels 2, expected 3 and 1'
  })
})

t.test('assembleDataset transposes images', async t => {
  const images = (): IdxArray => {
    return { dimensions: [2, 2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16) }
  }
  const labels: IdxArray = { dimensions: [2], data: Uint8Array.of(0, 1) }
  const files = [images(), labels, images(), labels]
  const { shape, train, test } = await assembleDataset(files, 2, { transposed: true })
  t.same(shape, { channels: 1, rows: 3, columns: 2 })
  t.same(train.images, Uint8Array.of(1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16))
  t.same(test.images, train.images)
})
