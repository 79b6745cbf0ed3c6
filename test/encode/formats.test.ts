import { crc32 } from 'node:zlib'
import { RecordBatchReader, tableFromIPC, type Table } from 'apache-arrow'
import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { selectBatch, type Batch, type Selection } from '../../src/batch/batch.ts'
import { labelEncodings, layouts, normalizations, type Normalization } from '../../src/batch/options.ts'
import { arrow } from '../../src/encode/arrow.ts'
import { shortestFloat32 } from '../../src/encode/json/numbers.ts'
import type { BatchFormat, BatchMetadata, StreamFormat } from '../../src/encode/format.ts'
import { json } from '../../src/encode/json/json.ts'
import { nest } from '../../src/encode/json/nesting.ts'
import { npyHeader } from '../../src/encode/npy.ts'
import { ndjson } from '../../src/encode/ndjson.ts'
import { npz } from '../../src/encode/npz.ts'
import { encodePng } from '../../src/encode/png.ts'
import { batchFormats } from '../../src/encode/registry.ts'
import { safetensors } from '../../src/encode/safetensors.ts'
import { float16Bits } from '../../src/batch/float16.ts'
import { bytesOfChunk, releaseChunk, type Chunk } from '../../src/io/chunk.ts'
import { prepared } from '../fixtures/prepared.ts'
import { readNpy, readSafetensors, readZip } from '../fixtures/read.ts'

const dataset = prepared({ train: 50, val: 7, test: 9 })
const metadata = { dataset: 'made-up', page: 2, shape: [5, 12] }

function select (start: number, count: number, choice: Partial<Selection> = {}): Batch {
  return selectBatch(dataset, { split: 'train', span: { start, count, real: count }, order: undefined, normalization: 'centered', dtype: 'float32', labels: 'onehot', layout: 'flat', masked: false, ...choice })
}

const dtypes = (normalization: Normalization) => normalization === 'raw' ? ['uint8' as const] : ['float32' as const, 'float16' as const]
const choices = normalizations.flatMap(normalization => dtypes(normalization).flatMap(dtype => {
  return labelEncodings.flatMap(labels => layouts.map(layout => ({ normalization, dtype, labels, layout })))
}))
const batches: Array<[string, Batch]> = choices.map(choice => [
  Object.values(choice).join(' '),
  select(11, 5, choice)
])

function bytes (data: { buffer: ArrayBufferLike, byteOffset: number, byteLength: number }): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** The whole body, which has as many bytes as it announces, and the same ones when the batch is encoded again. */
function encode (format: BatchFormat, batch: Batch, said: BatchMetadata = metadata): Buffer {
  const { byteLength, chunks } = format.encode(batch, said)
  const body = consume(chunks)
  if (!consume(format.encode(batch, said).chunks).equals(body)) throw new Error(`${format.name} differs the second time`)
  if ((byteLength ?? body.length) !== body.length) throw new Error(`${format.name} announces ${byteLength} bytes and has ${body.length}`)
  return body
}

/** All bytes of these chunks. Each is released, and its buffer reused, before the next one is pulled. */
function consume (chunks: Iterable<Chunk>): Buffer {
  const copies: Buffer[] = []
  for (const chunk of chunks) {
    copies.push(Buffer.from(bytesOfChunk(chunk)))
    releaseChunk(chunk)
  }
  return Buffer.concat(copies)
}

function encodeStream (format: StreamFormat, batch: Batch): Buffer {
  const stream = format.startStream({})
  return Buffer.concat([consume(stream.page({ batch, metadata })), consume(stream.end())])
}

function tensors ({ images, labels, ids }: Batch) {
  return Object.entries({ images, labels, ids }).map(([name, { shape, data }]) => [name, { shape, data: data() }] as const)
}

t.test('npz gives every tensor back, bit for bit', async t => {
  const dtypes: Record<string, string> = { Float32Array: '<f4', Uint16Array: '<f2', Uint8Array: '|u1', Int32Array: '<i4', BigInt64Array: '<i8' }
  for (const [name, batch] of batches) {
    const members = readZip(encode(npz, batch), crc32)
    t.same([...members.keys()], ['images.npy', 'labels.npy', 'ids.npy'])
    for (const [tensor, { shape, data }] of tensors(batch)) {
      const found = readNpy(members.get(`${tensor}.npy`)!)
      t.same([found.dtype, found.shape], [dtypes[data.constructor.name], shape], `${name}: ${tensor} has its dtype and shape`)
      t.ok(found.bytes.equals(bytes(data)), `${name}: ${tensor} has its bytes`)
    }
  }
})

t.test('safetensors gives every tensor and the metadata back, bit for bit', async t => {
  const dtypes: Record<string, string> = { Float32Array: 'F32', Uint16Array: 'F16', Uint8Array: 'U8', Int32Array: 'I32', BigInt64Array: 'I64' }
  for (const [name, batch] of batches) {
    const found = readSafetensors(encode(safetensors, batch))
    t.same(found.metadata, { dataset: 'made-up', page: '2', shape: '5,12' })
    for (const [tensor, { shape, data }] of tensors(batch)) {
      const read = found.tensors.get(tensor)!
      t.same([read.dtype, read.shape], [dtypes[data.constructor.name], shape], `${name}: ${tensor} has its dtype and shape`)
      t.ok(read.bytes.equals(bytes(data)), `${name}: ${tensor} has its bytes`)
    }
  }
})

/** The values of a column, with the padding that follows them, and the shape of each. */
function readColumn (table: Table, name: string): { shape: number[], nullable: boolean, values: { buffer: ArrayBufferLike, byteOffset: number, byteLength: number } } {
  const field = table.schema.fields.find(field => field.name === name)!
  const data = table.getChild(name)!.data[0]!
  if (data.children.length === 0) return { shape: [], nullable: field.nullable, values: data.values }
  t.equal(field.metadata.get('ARROW:extension:name'), 'arrow.fixed_shape_tensor')
  return { ...JSON.parse(field.metadata.get('ARROW:extension:metadata')!), nullable: field.nullable, values: data.children[0]!.values }
}

t.test('arrow gives every tensor and the metadata back, bit for bit', async t => {
  for (const [name, batch] of batches) {
    const table = tableFromIPC(encode(arrow, batch))
    t.same(Object.fromEntries(table.schema.metadata), { dataset: 'made-up', page: '2', shape: '5,12' })
    t.equal(table.numRows, 5)
    t.same(table.schema.names, ['images', 'labels', 'ids'])
    for (const [tensor, { shape, data }] of tensors(batch)) {
      const read = readColumn(table, tensor)
      t.same([read.shape, read.nullable], [shape.slice(1), false], `${name}: ${tensor} has its shape`)
      t.equal(read.values.constructor, data.constructor, `${name}: ${tensor} has its dtype`)
      t.ok(bytes(read.values).subarray(0, data.byteLength).equals(bytes(data)), `${name}: ${tensor} has its bytes`)
    }
  }
})

t.test('an arrow stream has a record batch for each page, and a mark for the end', async t => {
  const made = [select(0, 20), select(20, 20), select(40, 10)]
  const stream = arrow.startStream({ dataset: 'made-up' })
  const body = made.map((batch, page) => consume(stream.page({ batch, metadata: { dataset: 'made-up', page, count: batch.ids.shape[0]! } })))
  const end = consume(stream.end())
  t.same(end, Buffer.of(255, 255, 255, 255, 0, 0, 0, 0), 'the end is marked')
  const reader = RecordBatchReader.from(Buffer.concat([...body, end])).open()
  t.same(Object.fromEntries(reader.schema.metadata), { dataset: 'made-up' }, 'the schema says what all pages share')
  for (const [page, batch] of [...reader].entries()) {
    t.same(Object.fromEntries(batch.metadata), { page: String(page), count: String(batch.numRows) }, 'each page says the rest')
    t.same([...batch.getChild('ids')!], [...made[page]!.ids.data()])
    t.ok(bytes(batch.getChild('images')!.data[0]!.children[0]!.values).equals(bytes(made[page]!.images.data())))
  }
})

t.test('an ndjson stream has a line for each page, the same as its json, and one for the end', async t => {
  const pages = [select(0, 20), select(40, 10)].map((batch, page) => ({ batch, metadata: { page } }))
  const stream = ndjson.startStream({})
  const lines = Buffer.concat([...pages.map(page => consume(stream.page(page))), consume(stream.end())]).toString().split('\n')
  const wanted = pages.map(({ batch, metadata }) => encode(json, batch, metadata))
  t.same(lines, [...wanted.map(String), '{"end":true,"pages":2,"samples":30}', ''])
})

t.test('json gives every number back as the same element, nested as the shape says', async t => {
  for (const [name, batch] of batches) {
    const body = JSON.parse((encode(json, batch)).toString())
    t.same(Object.keys(body), ['dataset', 'page', 'shape', 'ids', 'images', 'labels'])
    for (const [tensor, { shape, data }] of tensors(batch)) {
      t.same(shapeOf(body[tensor]), shape, `${name}: ${tensor} has its shape`)
      const flat: number[] = body[tensor].flat(Infinity)
      const same = data instanceof Uint16Array ? float16Bits : Math.fround
      t.ok(flat.every((value, i) => same(value) === Number(data[i])), `${name}: ${tensor} has its values`)
    }
  }
})

t.test('json has nothing but its text', async t => {
  const again = select(0, 50, { layout: 'nhwc' })
  const [first, second] = [(encode(json, again)).toString(), (encode(json, again)).toString()]
  t.equal(first, second, 'numbers that are written again are the same')
  t.equal(first.indexOf('\0'), -1)
  t.same(JSON.parse(first).ids, Array.from({ length: 50 }, (_, i) => i))
})

t.test('no format copies or writes to the images', async t => {
  for (const format of batchFormats.filter(({ name }) => name !== 'json')) {
    const made = select(3, 6)
    const chunks = Array.from(format.encode(made, metadata).chunks, bytesOfChunk)
    const images = chunks.find(({ length }) => length === made.images.byteLength)!
    t.equal(images.buffer, dataset.splits.train.centered.buffer, `${format.name} sends the stored memory itself`)
    t.equal(images.byteOffset, dataset.splits.train.centered.byteOffset + 3 * 12 * 4)
  }
})

t.test('images that came as a Buffer are gathered into an array of bytes', t => {
  const { train } = dataset.splits
  const read = { ...dataset, splits: { ...dataset.splits, train: { ...train, images: Buffer.from(train.images) } } }
  const { images } = selectBatch(read, { split: 'train', span: { start: 0, count: 2, real: 2 }, order: Uint32Array.of(5, 3), normalization: 'raw', dtype: 'uint8', labels: 'index', layout: 'flat', masked: false })
  const data = images.data()
  t.equal(data.constructor, Uint8Array)
  t.same(bytes(data), Buffer.concat([5, 3].map(id => train.images.subarray(id * 12, (id + 1) * 12))))
  t.end()
})

t.test('a mask is one more tensor', async t => {
  const made = select(48, 4, { masked: true, span: { start: 48, count: 4, real: 2 } })
  t.same([...made.ids.data()], [48, 49, 0, 1], 'padding is the start of the order')
  const mask = { shape: [4], bytes: Buffer.of(1, 1, 0, 0) }
  t.match(readNpy(readZip(encode(npz, made), crc32).get('mask.npy')!), { dtype: '|u1', ...mask })
  t.match(readSafetensors(encode(safetensors, made)).tensors.get('mask'), { dtype: 'U8', ...mask })
  t.same(JSON.parse((encode(json, made)).toString()).mask, [1, 1, 0, 0])
  t.same([...tableFromIPC(encode(arrow, made)).getChild('mask')!], [1, 1, 0, 0])
})

t.test('a batch that is sent in slices is the one that is made whole', async t => {
  const count = 900
  const large = prepared({ train: 600, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const order = Uint32Array.from({ length: 600 }, (_, i) => (i * 7) % 600)
  for (const choice of [{ normalization: 'centered' }, { normalization: 'standard', pad: 32 }, { normalization: 'raw', dtype: 'uint8' }, { dtype: 'float16', labels: 'index', order: undefined }] as const) {
    const made = selectBatch(large, { split: 'train', span: { start: 10, count, real: 590 }, order, normalization: 'unit', dtype: 'float32', labels: 'onehot', layout: 'nchw', masked: true, ...choice })
    const { shape } = made.images
    const data = made.images.data()
    const images = bytes(data)
    const read = readSafetensors(encode(safetensors, made)).tensors
    t.ok(read.get('images')!.bytes.equals(images), 'safetensors')
    t.same(read.get('images')!.shape, shape)
    t.ok(readNpy(readZip(encode(npz, made), crc32).get('images.npy')!).bytes.equals(images), 'npz')
    for (const body of [encode(arrow, made), encodeStream(arrow, made)]) {
      const { values } = readColumn(tableFromIPC(body), 'images')
      t.ok(bytes(values).subarray(0, images.length).equals(images), 'arrow')
    }
    const same = made.images.dtype === 'float16' ? float16Bits : Math.fround
    const numbers: number[] = JSON.parse((encode(json, made)).toString()).images.flat(Infinity)
    t.ok(numbers.every((value, i) => same(value) === data[i]) && numbers.length === data.length, 'json')
    for (const [name, tensor] of Object.entries({ labels: made.labels, ids: made.ids, mask: made.mask! })) t.ok(read.get(name)!.bytes.equals(bytes(tensor.data())), name)
    const slice = made.slice(585, 595)
    t.same([...slice.mask!.data()], [1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    t.ok(bytes(slice.images.data()).equals(images.subarray(585 * images.length / count, 595 * images.length / count)))
  }
})

t.test('no samples make a batch all the same', async t => {
  const made = select(50, 0)
  t.same(JSON.parse((encode(json, made)).toString()), { ...metadata, ids: [], images: [], labels: [] })
  t.same(readNpy(readZip(encode(npz, made), crc32).get('images.npy')!).shape, [0, 12])
  const shuffled = select(50, 0, { order: Uint32Array.from({ length: 50 }, (_, i) => 49 - i), normalization: 'unit' })
  t.same(readNpy(readZip(encode(npz, shuffled), crc32).get('images.npy')!).shape, [0, 12], 'computed ones, too')
  t.same(readSafetensors(encode(safetensors, made)).tensors.get('labels')!.shape, [0, 10])
  const table = tableFromIPC(encode(arrow, made))
  t.same([table.numRows, readColumn(table, 'images').shape], [0, [12]])
})

t.test('shortest texts read back exactly and no shorter one would', async t => {
  const floats = new Float32Array(Uint32Array.from({ length: 20000 }, (_, i) => Math.imul(i, 0x9e3779b1)).buffer)
    .filter(Number.isFinite)
  for (const value of [...floats, 0, 1, -1, 0.1, 1 / 255, 1e-45, 3.4028234663852886e38, 16777216]) {
    const exact = Math.fround(value)
    const text = shortestFloat32(exact)
    if (Math.fround(JSON.parse(text)) !== exact || text.length > 15) t.fail(`${exact} became ${text}`)
    if (Math.fround(Number(exact.toPrecision(5))) === exact) continue
    const digits = text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length
    if (digits > 1 && Math.fround(Number(exact.toPrecision(digits - 1))) === exact) t.fail(`${text} is longer than it must be`)
  }
  t.equal(shortestFloat32(Math.fround(0.1)), '0.1')
  t.equal(shortestFloat32(0), '0')
})

t.test('npy of one dimension has a one-tuple and aligned data', async t => {
  const header = npyHeader([3], 'float32')
  t.equal(header.length % 64, 0)
  t.same(readNpy(Buffer.concat([header, bytes(Float32Array.of(1, 2, 3))])).shape, [3])
})

t.test('png gives the levels back', async t => {
  const levels = Uint8Array.from({ length: 12 }, (_, i) => i * 20)
  const picture = decodePng(encodePng(levels, 4, 3))
  t.same([picture.width, picture.height, picture.channels, picture.depth], [3, 4, 1, 8])
  t.same(Uint8Array.from(picture.data), levels)
})

t.test('nest', async t => {
  t.same(nest([1, 2, 3, 4, 5, 6], []), [1, 2, 3, 4, 5, 6])
  t.same(nest([1, 2, 3, 4, 5, 6], [3]), [[1, 2, 3], [4, 5, 6]])
  t.same(nest([1, 2, 3, 4], [2, 1]), [[[1], [2]], [[3], [4]]])
})

function shapeOf (value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []
}
