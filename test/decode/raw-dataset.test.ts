import t from 'tap'
import { parseIdx, type IdxArray } from '../../src/decode/idx.ts'
import { assembleDataset } from '../../src/decode/raw-dataset.ts'
import { perRole, tinyDataset } from '../fixtures/tiny-dataset.ts'

t.test('assembleDataset combines files without copying', async t => {
  const { content } = tinyDataset()
  const raw = await assembleDataset(perRole(role => parseIdx(content[role])), 3)
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
  t.equal((await assembleDataset(good, 1)).train.count, 3)
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
    await t.rejects(assembleDataset({ ...good, ...changed }, 2), { code: 'invalid_file', message: reason }, reason)
  }
})

t.test('assembleDataset accepts files without test samples', async t => {
  const images = (count: number): IdxArray => ({ dimensions: [count, 2, 2], data: new Uint8Array(4 * count) })
  const labels = (count: number): IdxArray => ({ dimensions: [count], data: new Uint8Array(count) })
  const files = { trainImages: images(1), trainLabels: labels(1), testImages: images(0), testLabels: labels(0) }
  t.match(await assembleDataset(files, 1), { shape: { rows: 2, columns: 2 }, train: { count: 1 }, test: { count: 0 } })
})

t.test('assembleDataset selects the label column and subtracts the first label', async t => {
  const images = (count: number): IdxArray => ({ dimensions: [count, 1, 1], data: new Uint8Array(count) })
  const rows: IdxArray = { dimensions: [2, 3], data: Int32Array.of(5, 9, 7, 6, 9, 7) }
  const files = { trainImages: images(2), trainLabels: rows, testImages: images(2), testLabels: rows }
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
  const images: IdxArray = { dimensions: [2, 2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16) }
  const labels: IdxArray = { dimensions: [2], data: Uint8Array.of(0, 1) }
  const files = { trainImages: images, trainLabels: labels, testImages: images, testLabels: labels }
  const { shape, train } = await assembleDataset(files, 2, { transposed: true })
  t.same(shape, { channels: 1, rows: 3, columns: 2 })
  t.same(train.images, Uint8Array.of(1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16))
})
