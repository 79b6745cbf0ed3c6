import { crc32 } from 'node:zlib'
import { RecordBatchReader, tableFromIPC, type Table } from 'apache-arrow'
import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { selectBatch, type Batch, type Selection } from '../../src/batch/batch.ts'
import { float16Bits } from '../../src/batch/float16.ts'
import { labelEncodings, layouts, normalizations, type Normalization } from '../../src/batch/options.ts'
import type { ElementType } from '../../src/batch/tensor.ts'
import { listedOrder, naturalOrder } from '../../src/batch/sample-order.ts'
import type { ImageShape } from '../../src/dataset/image-shape.ts'
import { mix } from '../../src/dataset/order.ts'
import { arrow } from '../../src/encode/arrow.ts'
import { batchFormats } from '../../src/encode/encoders.ts'
import type { BatchFormat, BatchMetadata, StreamFormat } from '../../src/encode/format.ts'
import { json } from '../../src/encode/json/json.ts'
import { encodeWithArray } from '../../src/encode/json/array-writer.ts'
import { ndjson } from '../../src/encode/ndjson.ts'
import { npyHeader } from '../../src/encode/npy.ts'
import { npz } from '../../src/encode/npz.ts'
import { encodePng } from '../../src/encode/png.ts'
import { safetensors } from '../../src/encode/safetensors.ts'
import { bytesOfChunk } from '../../src/memory/chunk.ts'
import { consume } from '../fixtures/chunks.ts'
import { prepared } from '../fixtures/prepared.ts'
import { readNpy, readSafetensors, readZip, type ReadTensor } from '../fixtures/read.ts'

const dataset = prepared({ train: 50, val: 7, test: 9 })
const metadata = { dataset: 'made-up', page: 2, shape: [5, 12] }

const defaults = {
  split: 'train',
  order: naturalOrder(50),
  normalization: 'centered',
  dtype: 'float32',
  labels: 'onehot',
  layout: 'flat',
  masked: false
} as const

function select (start: number, count: number, options: Partial<Selection> = {}): Batch {
  return selectBatch(dataset, { ...defaults, span: { start, count, real: count }, ...options })
}

function dtypesOf (normalization: Normalization) {
  return normalization === 'raw' ? ['uint8'] as const : ['float32', 'float16'] as const
}

/** Every combination of the options. */
const batches = normalizations.flatMap(normalization => dtypesOf(normalization).flatMap(dtype => {
  return labelEncodings.flatMap(labels => layouts.map((layout): [string, Batch] => {
    return [`${normalization} ${dtype} ${labels} ${layout}`, select(11, 5, { normalization, dtype, labels, layout })]
  }))
}))

function bytes (data: { buffer: ArrayBufferLike, byteOffset: number, byteLength: number }): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** The whole body. It has as many bytes as announced, and the same ones when the batch is encoded again. */
function encode (format: BatchFormat, batch: Batch, described: BatchMetadata = metadata): Buffer {
  const { byteLength, chunks } = format.encode(batch, described)
  const body = consume(chunks)
  const again = consume(format.encode(batch, described).chunks)
  if (!again.equals(body)) throw new Error(`${format.name} differs the second time`)
  if (byteLength !== undefined && byteLength !== body.length) {
    throw new Error(`${format.name} announces ${byteLength} bytes and has ${body.length}`)
  }
  return body
}

function encodeStream (format: StreamFormat, batch: Batch): Buffer {
  const stream = format.startStream({})
  return Buffer.concat([consume(stream.page({ batch, metadata })(batch)), consume(stream.end())])
}

function tensors ({ images, labels, ids }: Batch) {
  return Object.entries({ images, labels, ids }).map(([name, { shape, dtype, data }]) => {
    return { name, shape, dtype, data: data() }
  })
}

/** What differs between the tensors of a batch and those that a reader found; nothing if they are the same. */
function differences (
  batch: Batch,
  dtypes: Record<ElementType, string>,
  read: (name: string) => ReadTensor | undefined
): string[] {
  return tensors(batch).flatMap(({ name, shape, dtype, data }) => {
    const found = read(name)
    if (!found) return [`${name} is missing`]
    return [
      found.dtype === dtypes[dtype] ? [] : `${name} has dtype ${found.dtype}, not ${dtype}`,
      found.shape.join() === shape.join() ? [] : `${name} has shape ${found.shape.join()}`,
      found.bytes.equals(bytes(data)) ? [] : `${name} has other bytes`
    ].flat()
  })
}

t.test('npz preserves every tensor bit for bit', async t => {
  const dtypes = { float32: '<f4', float16: '<f2', uint8: '|u1', int32: '<i4', int64: '<i8' }
  for (const [name, batch] of batches) {
    const members = readZip(encode(npz, batch), crc32)
    t.same([...members.keys()], ['images.npy', 'labels.npy', 'ids.npy'])
    t.same(differences(batch, dtypes, tensor => readNpy(members.get(`${tensor}.npy`)!)), [], name)
  }
})

t.test('npz has sizes in the local headers, so that members can be read without the central directory', async t => {
  const body = encode(npz, select(11, 5))
  let at = 0
  for (const name of ['images.npy', 'labels.npy', 'ids.npy']) {
    t.equal(body.toString('latin1', at + 30, at + 30 + name.length), name)
    const size = body.readUInt32LE(at + 18)
    t.equal(body.readUInt32LE(at + 22), size)
    at += 30 + name.length + size
    t.equal(body.readUInt32LE(at), 0x08074b50, 'a data descriptor follows')
    t.same([body.readUInt32LE(at + 8), body.readUInt32LE(at + 12)], [size, size])
    at += 16
  }
})

t.test('safetensors preserves every tensor bit for bit, and the metadata', async t => {
  const dtypes = { float32: 'F32', float16: 'F16', uint8: 'U8', int32: 'I32', int64: 'I64' }
  for (const [name, batch] of batches) {
    const found = readSafetensors(encode(safetensors, batch))
    t.same(found.metadata, { dataset: 'made-up', page: '2', shape: '5,12' })
    t.same(differences(batch, dtypes, tensor => found.tensors.get(tensor)), [], name)
  }
})

interface SafetensorsEntry {
  readonly dtype: 'F32' | 'F16' | 'U8' | 'I32' | 'I64'
  readonly data_offsets: readonly [number, number]
}

t.test('safetensors aligns every tensor to its element size', async t => {
  const sizes = { F32: 4, F16: 2, U8: 1, I32: 4, I64: 8 } as const
  const small = prepared({ train: 9, val: 1, test: 1 }, { rows: 5, columns: 5 })
  for (const normalization of normalizations) {
    for (const dtype of dtypesOf(normalization)) {
      for (const labels of labelEncodings) {
        for (const count of [1, 2, 3]) {
          const span = { start: 4, count, real: count }
          const batch = selectBatch(small, { ...defaults, span, normalization, dtype, labels, masked: true })
          const body = encode(safetensors, batch)
          const length = Number(body.readBigUInt64LE())
          const { __metadata__: _, ...tensors } = JSON.parse(body.toString('utf8', 8, 8 + length))
          let end = 0
          for (const [name, tensor] of Object.entries<SafetensorsEntry>(tensors)) {
            const [from, to] = tensor.data_offsets
            if (from !== end) t.fail(`${name} starts at ${from}, not at ${end}`)
            if ((8 + length + from) % sizes[tensor.dtype] !== 0) t.fail(`${tensor.dtype} ${name} at ${from}`)
            end = to
          }
          t.equal(8 + length + end, body.length)
          t.same(differences(batch, { float32: 'F32', float16: 'F16', uint8: 'U8', int32: 'I32', int64: 'I64' },
            tensor => readSafetensors(body).tensors.get(tensor)), [])
        }
      }
    }
  }
})

interface Column {
  readonly shape: number[]
  readonly nullable: boolean
  readonly values: { readonly buffer: ArrayBufferLike, readonly byteOffset: number, readonly byteLength: number }
}

/** The values of a column with the padding after them, and the shape of each. */
function readColumn (table: Table, name: string): Column {
  const { nullable, metadata } = table.schema.fields.find(field => field.name === name)!
  const data = table.getChild(name)!.data[0]!
  if (data.children.length === 0) return { shape: [], nullable, values: data.values }
  t.equal(metadata.get('ARROW:extension:name'), 'arrow.fixed_shape_tensor')
  const { shape } = JSON.parse(metadata.get('ARROW:extension:metadata')!)
  return { shape, nullable, values: data.children[0]!.values }
}

t.test('arrow preserves every tensor bit for bit, and the metadata', async t => {
  for (const [name, batch] of batches) {
    const table = tableFromIPC(encode(arrow, batch))
    t.same(Object.fromEntries(table.schema.metadata), { dataset: 'made-up', page: '2', shape: '5,12' })
    t.equal(table.numRows, 5)
    t.same(table.schema.names, ['images', 'labels', 'ids'])
    for (const { name: column, shape, data } of tensors(batch)) {
      const read = readColumn(table, column)
      t.same([read.shape, read.nullable], [shape.slice(1), false], `${name}: shape of ${column}`)
      t.equal(read.values.constructor, data.constructor, `${name}: dtype of ${column}`)
      t.ok(bytes(read.values).subarray(0, data.byteLength).equals(bytes(data)), `${name}: bytes of ${column}`)
    }
  }
})

t.test('an arrow stream has a record batch for each page, and an end marker', async t => {
  const pages = [select(0, 20), select(20, 20), select(40, 10)]
  const stream = arrow.startStream({ dataset: 'made-up' })
  const body = pages.map((batch, page) => {
    return consume(stream.page({ batch, metadata: { dataset: 'made-up', page, count: batch.ids.shape[0]! } })(batch))
  })
  const end = consume(stream.end())
  t.same(end, Buffer.of(255, 255, 255, 255, 0, 0, 0, 0), 'the end marker')
  const reader = RecordBatchReader.from(Buffer.concat([...body, end])).open()
  t.same(Object.fromEntries(reader.schema.metadata), { dataset: 'made-up' }, 'the schema has the shared metadata')
  for (const [page, batch] of [...reader].entries()) {
    t.same(Object.fromEntries(batch.metadata), { page: String(page), count: String(batch.numRows) }, 'pages the rest')
    t.same([...batch.getChild('ids')!], [...pages[page]!.ids.data()])
    const images = batch.getChild('images')!.data[0]!.children[0]!.values
    t.ok(bytes(images).equals(bytes(pages[page]!.images.data())))
  }
})

t.test('pages of an arrow stream that are encoded in turns do not mix', async t => {
  const [small, large] = [select(0, 2), select(0, 50)]
  const [first, second] = [arrow.startStream({}), arrow.startStream({})]
  const smallPage = first.page({ batch: small, metadata })(small)
  const largePage = second.page({ batch: large, metadata })(large)
  const body = Buffer.concat([consume(smallPage), consume(first.end())])
  t.ok(body.equals(encodeStream(arrow, small)), 'though a larger page was started meanwhile')
  t.ok(Buffer.concat([consume(largePage), consume(second.end())]).equals(encodeStream(arrow, large)))
})

t.test('an ndjson stream has a line for each page, the same as its json, and one for the end', async t => {
  const pages = [select(0, 20), select(40, 10)].map((batch, page) => ({ batch, metadata: { page } }))
  const stream = ndjson.startStream({})
  const body = Buffer.concat([...pages.map(page => consume(stream.page(page)(page.batch))), consume(stream.end())])
  const expected = pages.map(({ batch, metadata }) => encode(json, batch, metadata).toString())
  t.same(body.toString().split('\n'), [...expected, '{"end":true,"pages":2,"samples":30}', ''])
})

t.test('json preserves every element, nested as the shape says', async t => {
  for (const [name, batch] of batches) {
    const body = JSON.parse(encode(json, batch).toString())
    t.same(Object.keys(body), ['dataset', 'page', 'shape', 'ids', 'images', 'labels'])
    for (const { name: tensor, shape, data } of tensors(batch)) {
      t.same(shapeOf(body[tensor]), shape, `${name}: shape of ${tensor}`)
      const flat: number[] = body[tensor].flat(Infinity)
      const round = data instanceof Uint16Array ? float16Bits : Math.fround
      t.ok(flat.every((value, i) => round(value) === Number(data[i])), `${name}: values of ${tensor}`)
    }
  }
})

t.test('json contains nothing but its text', async t => {
  const batch = select(0, 50, { layout: 'nhwc' })
  const [first, second] = [encode(json, batch).toString(), encode(json, batch).toString()]
  t.equal(first, second, 'numbers that are written again are the same')
  t.equal(first.indexOf('\0'), -1)
  t.same(JSON.parse(first).ids, Array.from({ length: 50 }, (_, i) => i))
})

t.test('binary formats send stored images as views', async t => {
  const { images: stored } = dataset.splits.train
  for (const format of batchFormats.filter(({ name }) => name !== 'json')) {
    const batch = select(3, 6, { normalization: 'raw', dtype: 'uint8' })
    const chunks = Array.from(format.encode(batch, metadata).chunks, bytesOfChunk)
    const images = chunks.find(({ length }) => length === batch.images.byteLength)!
    t.equal(images.buffer, stored.buffer, format.name)
    t.equal(images.byteOffset, stored.byteOffset + 3 * 12)
  }
})

t.test('nothing is computed before it is pulled', async t => {
  for (const format of batchFormats) {
    const batch = select(3, 6, { normalization: 'unit' })
    const images = { ...batch.images, chunk: unexpected, data: unexpected }
    const [header] = format.encode({ ...batch, images }, metadata).chunks
    t.ok(header, format.name)
  }
  function unexpected (): never { throw new Error('the images are computed') }
})

t.test('a mask is one more tensor', async t => {
  const batch = select(48, 4, { masked: true, span: { start: 48, count: 4, real: 2 } })
  t.same([...batch.ids.data()], [48, 49, 0, 1], 'the padding is from the start of the order')
  const mask = { shape: [4], bytes: Buffer.of(1, 1, 0, 0) }
  t.match(readNpy(readZip(encode(npz, batch), crc32).get('mask.npy')!), { dtype: '|u1', ...mask })
  t.match(readSafetensors(encode(safetensors, batch)).tensors.get('mask'), { dtype: 'U8', ...mask })
  t.same(JSON.parse(encode(json, batch).toString()).mask, [1, 1, 0, 0])
  t.same([...tableFromIPC(encode(arrow, batch)).getChild('mask')!], [1, 1, 0, 0])
})

t.test('a batch that is computed in slices is the same as one computed at once', async t => {
  const count = 400
  const large = prepared({ train: 300, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const order = listedOrder(Uint32Array.from({ length: 300 }, (_, i) => (i * 7) % 300))
  const shared = {
    ...defaults,
    span: { start: 10, count, real: 290 },
    order,
    normalization: 'unit',
    layout: 'nchw',
    masked: true
  } as const
  const variants: Array<Partial<Selection>> = [
    { normalization: 'centered' },
    { normalization: 'standard', pad: 32 },
    { normalization: 'raw', dtype: 'uint8' },
    { dtype: 'float16', labels: 'index', order: naturalOrder(300) }
  ]
  for (const variant of variants) {
    const batch = selectBatch(large, { ...shared, ...variant })
    const { shape, dtype } = batch.images
    const data = batch.images.data()
    const images = bytes(data)
    const read = readSafetensors(encode(safetensors, batch)).tensors
    t.ok(read.get('images')!.bytes.equals(images), 'safetensors')
    t.same(read.get('images')!.shape, shape)
    t.ok(readNpy(readZip(encode(npz, batch), crc32).get('images.npy')!).bytes.equals(images), 'npz')
    for (const body of [encode(arrow, batch), encodeStream(arrow, batch)]) {
      const { values } = readColumn(tableFromIPC(body), 'images')
      t.ok(bytes(values).subarray(0, images.length).equals(images), 'arrow')
    }
    const round = dtype === 'float16' ? float16Bits : Math.fround
    const numbers: number[] = JSON.parse(encode(json, batch).toString()).images.flat(Infinity)
    t.ok(numbers.every((value, i) => round(value) === data[i]) && numbers.length === data.length, 'json')
    for (const [name, tensor] of Object.entries({ labels: batch.labels, ids: batch.ids, mask: batch.mask! })) {
      t.ok(read.get(name)!.bytes.equals(bytes(tensor.data())), name)
    }
    const slice = batch.slice(285, 295)
    t.same([...slice.mask!.data()], [1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    const imageBytes = images.length / count
    t.ok(bytes(slice.images.data()).equals(images.subarray(285 * imageBytes, 295 * imageBytes)))
  }
})

t.test('a batch may be empty', async t => {
  const reversed = listedOrder(Uint32Array.from({ length: 50 }, (_, i) => 49 - i))
  for (const options of [{}, { order: reversed, normalization: 'unit' }] as const) {
    const batch = select(50, 0, options)
    t.same(JSON.parse(encode(json, batch).toString()), { ...metadata, ids: [], images: [], labels: [] })
    t.same(readNpy(readZip(encode(npz, batch), crc32).get('images.npy')!).shape, [0, 12])
    t.same(readSafetensors(encode(safetensors, batch)).tensors.get('labels')!.shape, [0, 10])
    const table = tableFromIPC(encode(arrow, batch))
    t.same([table.numRows, readColumn(table, 'images').shape], [0, [12]])
  }
})

t.test('npy of one dimension has a one-tuple and aligned data', async t => {
  const header = npyHeader([3], 'float32')
  t.equal(header.length % 64, 0)
  t.same(readNpy(Buffer.concat([header, bytes(Float32Array.of(1, 2, 3))])).shape, [3])
})

t.test('png preserves the pixels', async t => {
  for (const channels of [1, 3] as const) {
    const pixels = Uint8Array.from({ length: 12 * channels }, (_, i) => i * 7)
    const picture = decodePng(await encodePng(pixels, { channels, rows: 4, columns: 3 }))
    t.same([picture.width, picture.height, picture.channels, picture.depth], [3, 4, channels, 8])
    t.same(Uint8Array.from(picture.data), pixels)
  }
})

t.test('png encodes large pictures with zlib', async t => {
  const pixels = Uint8Array.from({ length: 300 * 400 }, (_, i) => mix(i) % 256)
  const shapes: ImageShape[] = [
    { channels: 1, rows: 300, columns: 400 }, { channels: 1, rows: 400, columns: 300 },
    { channels: 3, rows: 200, columns: 200 }
  ]
  const pictures = await Promise.all(shapes.map(shape => encodePng(pixels, shape)))
  for (const [i, { channels, rows, columns }] of shapes.entries()) {
    const picture = decodePng(pictures[i]!)
    t.same([picture.width, picture.height, picture.channels], [columns, rows, channels])
    t.ok(Buffer.from(picture.data.buffer).equals(pixels))
  }
})

t.test('views of large images are sent, hashed and compressed piece by piece', async t => {
  const large = prepared({ train: 5, val: 1, test: 1 }, { rows: 512, columns: 512 })
  const batch = selectBatch(large, { ...defaults, span: { start: 0, count: 5, real: 5 } })
  for (const format of batchFormats.filter(({ name }) => name !== 'json')) {
    const chunks = Array.from(format.encode(batch, metadata).chunks, bytesOfChunk)
    t.ok(chunks.every(({ length }) => length <= 1 << 22), format.name)
  }
  t.ok(readNpy(readZip(encode(npz, batch), crc32).get('images.npy')!).bytes.equals(bytes(batch.images.data())))
})

t.test('an array after the members of an object', async t => {
  const values = Float32Array.from({ length: 6 }, (_, i) => i / 255)
  const body = encodeWithArray({ a: 1, b: 'é"' }, 'list', { shape: [2, 3], dtype: 'float32', values })
  const text = consume(body.chunks).toString()
  t.ok(text.length >= body.minByteLength!)
  const { list, ...members } = JSON.parse(text)
  t.same(members, { a: 1, b: 'é"' })
  t.same(list.map((row: number[]) => row.map(Math.fround)), [[...values.subarray(0, 3)], [...values.subarray(3)]])
})

function shapeOf (value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []
}
