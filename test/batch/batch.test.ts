import t from 'tap'
import { selectBatch, type Batch, type Selection } from '../../src/batch/batch.ts'
import { asBytes } from '../../src/memory/bytes.ts'
import { bytesOfChunk, releaseChunk } from '../../src/memory/chunk.ts'
import { listedOrder, naturalOrder } from '../../src/batch/sample-order.ts'
import { prepared } from '../fixtures/prepared.ts'

const dataset = prepared({ train: 50, val: 7, test: 9 })
const { train } = dataset.splits
const reversed = listedOrder(Uint32Array.from({ length: 50 }, (_, i) => 49 - i))

function select (start: number, count: number, options: Partial<Selection> = {}): Batch {
  return selectBatch(dataset, {
    split: 'train',
    span: { start, count, real: count },
    order: naturalOrder(50),
    normalization: 'centered',
    dtype: 'float32',
    labels: 'onehot',
    layout: 'flat',
    masked: false,
    ...options
  })
}

function tensors ({ images, labels, ids, mask }: Batch) {
  return [images, labels, ids, ...(mask ? [mask] : [])]
}

const selections: Array<[string, Partial<Selection>]> = [
  ['natural', {}],
  ['shuffled', { order: reversed }],
  ['unit', { normalization: 'unit', labels: 'index' }],
  ['float16', { dtype: 'float16', order: reversed, labels: 'index' }],
  ['raw', { normalization: 'raw', dtype: 'uint8' }],
  ['padded', { pad: 9, layout: 'nchw' }],
  ['padded and shuffled', { pad: 9, order: reversed, normalization: 'standard' }],
  ['wrapping', { span: { start: 45, count: 20, real: 5 }, masked: true }],
  ['replaced', { images: { pixels: Uint8Array.from({ length: 20 * 12 }, (_, i) => i) }, normalization: 'unit' }]
]

t.test('in the natural order, raw images are views', async t => {
  const { images } = select(3, 20, { normalization: 'raw', dtype: 'uint8' })
  t.ok(images.isView)
  for (const data of [images.data(), bytesOfChunk(images.chunk())]) {
    t.equal(data.buffer, train.images.buffer)
    t.equal(data.byteOffset, train.images.byteOffset + 3 * 12)
  }
})

t.test('everything else is computed with every call, into memory of its own', async t => {
  for (const [name, options] of selections) {
    const { images } = select(3, 20, options)
    if (name === 'raw') continue
    t.notOk(images.isView, name)
    const [first, second] = [images.data(), images.data()]
    t.not(first.buffer, second.buffer)
    t.same(first, second)
  }
})

t.test('chunks are the bytes of the data, as many as announced', async t => {
  for (const [name, options] of selections) {
    for (const tensor of tensors(select(3, 20, options))) {
      const chunk = tensor.chunk()
      const bytes = bytesOfChunk(chunk)
      t.ok(Buffer.from(bytes).equals(asBytes(tensor.data())), name)
      t.equal(bytes.byteLength, tensor.byteLength)
      releaseChunk(chunk)
    }
  }
})

t.test('a slice has the same samples as the batch', async t => {
  for (const [name, options] of selections) {
    const batch = select(3, 20, options)
    const slice = batch.slice(4, 11)
    t.equal(slice.normalizer, batch.normalizer)
    for (const [i, tensor] of tensors(slice).entries()) {
      const whole = tensors(batch)[i]!
      const rowBytes = whole.byteLength / 20
      t.same(tensor.shape, [7, ...whole.shape.slice(1)])
      const expected = asBytes(whole.data()).subarray(4 * rowBytes, 11 * rowBytes)
      t.ok(Buffer.from(asBytes(tensor.data())).equals(expected), name)
    }
    t.same(slice.slice(2, 5).ids.data(), batch.slice(6, 9).ids.data(), 'a slice of a slice')
    t.same(slice.copyPixels(1, 3), batch.copyPixels(5, 7))
  }
})

t.test('the normalizer maps the pixels to the images, and is shared by batches', async t => {
  for (const [name, options] of selections) {
    const batch = select(3, 20, options)
    const values = batch.images.data()
    const computed = values.slice()
    computed.fill(0)
    batch.normalizer.normalize(batch.copyPixels(0, 20), computed)
    t.same(computed, values, name)
    t.equal(select(7, 2, options).normalizer, batch.normalizer)
  }
  const normalizers = selections.map(([, options]) => select(0, 1, options).normalizer)
  t.equal(new Set(normalizers).size, 6, 'one for each normalization, dtype and size')
})

t.test('stored images in a Buffer are gathered into a plain array', async t => {
  const stored = { ...train, images: Buffer.from(train.images) }
  const { images } = selectBatch({ ...dataset, splits: { ...dataset.splits, train: stored } }, {
    split: 'train',
    span: { start: 0, count: 2, real: 2 },
    order: listedOrder(Uint32Array.of(5, 3)),
    normalization: 'raw',
    dtype: 'uint8',
    labels: 'index',
    layout: 'flat',
    masked: false
  })
  const data = images.data()
  t.equal(data.constructor, Uint8Array)
  t.same([...data], [5, 3].flatMap(id => [...train.images.subarray(id * 12, (id + 1) * 12)]))
})
