/** Images of three channels in every representation, compared with plain loops over their planes. */
import { tableFromIPC } from 'apache-arrow'
import { decode as decodePng } from 'fast-png'
import { crc32 } from 'node:zlib'
import t from 'tap'
import { float16Bits } from '../../../src/batch/float16.ts'
import { layouts, normalizations, type Layout, type Normalization } from '../../../src/batch/options.ts'
import { planeSize, tensorShape, valueCount, type ImageShape } from '../../../src/dataset/image-shape.ts'
import { sampleKey, shuffledOrder } from '../../../src/dataset/order.ts'
import type { LoadedDataset } from '../../../src/dataset/registry.ts'
import { allocateRows } from '../../../src/memory/row-memory.ts'
import { appOver } from '../../fixtures/app.ts'
import { referenceAugmenter } from '../../fixtures/augment/reference.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { readNpy, readSafetensors, readZip } from '../../fixtures/read.ts'

const shapes: ImageShape[] = [{ channels: 3, rows: 32, columns: 32 }, { channels: 3, rows: 7, columns: 5 }]
const COUNT = 700
const path = '/v1/datasets/made-up'
const train = `${path}/splits/train`

/** Images in a memory of their own, as prepared ones are. */
function colourful (shape: ImageShape): LoadedDataset {
  const dataset = prepared({ train: COUNT, val: 3, test: 2 }, shape)
  const images = allocateRows(dataset.splits.train.images.length)
  images.set(dataset.splits.train.images)
  return { ...dataset, splits: { ...dataset.splits, train: { ...dataset.splits.train, images } } }
}

interface Wanted {
  readonly normalization: Normalization
  readonly layout: Layout
  readonly pad?: number | undefined
}

/** A level of an image, 0 in the border, and the mean image and the statistics there. */
function valueAt (dataset: LoadedDataset, image: Uint8Array, at: [channel: number, row: number, column: number],
  { normalization, pad = 0 }: Wanted): number {
  const { shape: { rows, columns }, meanImage, standard } = dataset
  const [channel, row, column] = at
  const top = pad ? Math.floor((pad - rows) / 2) : 0
  const left = pad ? Math.floor((pad - columns) / 2) : 0
  const [y, x] = [row - top, column - left]
  const isInside = y >= 0 && y < rows && x >= 0 && x < columns
  const i = channel * rows * columns + y * columns + x
  const level = isInside ? image[i]! : 0
  const unit = Math.fround(level / 255)
  switch (normalization) {
    case 'raw': return level
    case 'unit': return unit
    case 'centered': return Math.fround(unit - (isInside ? meanImage[i]! : 0))
    case 'standard': {
      const { mean, std } = standard[channel]!
      return Math.fround(Math.fround(unit - mean) / std)
    }
  }
}

/** The values of an image in the order of a layout. */
function valuesOf (dataset: LoadedDataset, image: Uint8Array, wanted: Wanted): number[] {
  const { pad } = wanted
  const [rows, columns] = pad ? [pad, pad] : [dataset.shape.rows, dataset.shape.columns]
  const values: number[] = []
  const add = (channel: number, row: number, column: number): void => {
    values.push(valueAt(dataset, image, [channel, row, column], wanted))
  }
  if (wanted.layout === 'nhwc') {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let channel = 0; channel < 3; channel++) add(channel, row, column)
      }
    }
  } else {
    for (let channel = 0; channel < 3; channel++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) add(channel, row, column)
      }
    }
  }
  return values
}

function imageOf ({ shape, splits }: LoadedDataset, id: number): Uint8Array {
  return splits.train.images.subarray(id * valueCount(shape), (id + 1) * valueCount(shape))
}

function bytesOf (values: readonly number[], dtype: string): Buffer {
  switch (dtype) {
    case 'uint8': return Buffer.from(values)
    case 'float16': return Buffer.from(Uint16Array.from(values, float16Bits).buffer)
    default: return Buffer.from(Float32Array.from(values).buffer)
  }
}

const dtypesOf = (normalization: Normalization): string[] => {
  return normalization === 'raw' ? ['uint8'] : ['float32', 'float16']
}

for (const shape of shapes) {
  const dataset = colourful(shape)
  const name = `3×${shape.rows}×${shape.columns}`

  t.test(`${name}: every normalization, dtype, layout, padding and order`, async t => {
    const { app } = await appOver(t, [dataset])
    const orders: Array<[query: string, ids: readonly number[]]> = [
      ['page=1', [3, 4, 5]],
      ['seed=7&epoch=2&page=2', [...shuffledOrder(COUNT, 7, 2).slice(6, 9)]]
    ]
    for (const normalization of normalizations) {
      for (const layout of layouts) {
        for (const pad of [undefined, 32]) {
          for (const [order, ids] of orders) {
            const values = ids.flatMap(id => valuesOf(dataset, imageOf(dataset, id), { normalization, layout, pad }))
            for (const dtype of dtypesOf(normalization)) {
              const query = `${order}&batch_size=3&normalization=${normalization}&layout=${layout}&dtype=${dtype}` +
                (pad ? `&pad=${pad}` : '')
              const response = await app.inject(`${train}/batches?${query}&format=safetensors`)
              const { shape: found, bytes } = readSafetensors(response.rawPayload).tensors.get('images')!
              const side = pad ? { rows: pad, columns: pad } : {}
              t.same(found, [3, ...tensorShape({ ...shape, ...side }, layout)])
              t.equal(response.headers['batch-shape'], found.join())
              t.ok(bytes.equals(bytesOf(values, dtype)), query)
            }
          }
        }
      }
    }
  })

  t.test(`${name}: every format, also of large batches`, async t => {
    const { app } = await appOver(t, [dataset], { maxBatchSize: 100 })
    for (const [normalization, layout] of [
      ['raw', 'nhwc'], ['centered', 'nhwc'], ['standard', 'nhwc'], ['standard', 'flat'], ['unit', 'nchw']
    ] as const) {
      const count = 100
      const ids = shuffledOrder(COUNT, 5, 0).subarray(0, count)
      const values = [...ids].flatMap(id => valuesOf(dataset, imageOf(dataset, id), { normalization, layout }))
      const dtype = normalization === 'raw' ? 'uint8' : 'float32'
      const expected = bytesOf(values, dtype)
      const query = `seed=5&batch_size=${count}&normalization=${normalization}&layout=${layout}`
      const get = async (resource: string, format: string): Promise<Buffer> => {
        return (await app.inject(`${train}/${resource}?${query}&format=${format}`)).rawPayload
      }
      const npz = readZip(await get('batches', 'npz'), bytes => crc32(bytes))
      t.ok(readNpy(npz.get('images.npy')!).bytes.equals(expected), `npz ${query}`)
      const table = tableFromIPC(await get('batches', 'arrow')).getChild('images')!
      const { buffer, byteOffset } = table.data[0]!.children[0]!.values as Uint8Array
      t.ok(Buffer.from(buffer, byteOffset, expected.length).equals(expected), `arrow ${query}`)
      const parsed = JSON.parse((await get('batches', 'json')).toString())
      t.same(parsed.shape, [count, ...tensorShape(shape, layout)])
      t.ok(bytesOf(parsed.images.flat(4), dtype).equals(expected), `json ${query}`)
      const [line] = (await get('stream', 'ndjson')).toString().split('\n')
      t.ok(bytesOf(JSON.parse(line!).images.flat(4), dtype).equals(expected), `ndjson ${query}`)
    }
  })

  t.test(`${name}: augmented images`, async t => {
    const { app } = await appOver(t, [dataset])
    const augmentations = { rotate: 15, shift: 2, scale: 0.1, elastic: 34, noise: 10, cutout: 3 }
    const augment = Object.entries(augmentations).map(pair => pair.join(':')).join()
    const augmentOne = referenceAugmenter(shape, augmentations)
    const ids = shuffledOrder(COUNT, 9, 1).subarray(0, 5)
    const images = Array.from(ids, id => {
      const image = new Uint8Array(valueCount(shape))
      augmentOne(imageOf(dataset, id), image, sampleKey(9, 1)(id))
      return image
    })
    for (const normalization of normalizations) {
      for (const layout of layouts) {
        for (const pad of [undefined, 32]) {
          const query = `seed=9&epoch=1&batch_size=5&augment=${augment}&normalization=${normalization}` +
            `&layout=${layout}${pad ? '&pad=32' : ''}`
          const values = images.flatMap(image => valuesOf(dataset, image, { normalization, layout, pad }))
          const { rawPayload } = await app.inject(`${train}/batches?${query}&format=safetensors`)
          const expected = bytesOf(values, normalization === 'raw' ? 'uint8' : 'float32')
          t.ok(readSafetensors(rawPayload).tensors.get('images')!.bytes.equals(expected), query)
          const batch = (await app.inject(`${train}/batches?${query}`)).json()
          t.ok(bytesOf(batch.images.flat(4), 'float32').equals(bytesOf(values, 'float32')), `json ${query}`)
        }
      }
    }
  })

  t.test(`${name}: samples and thumbnails`, async t => {
    const { app } = await appOver(t, [dataset])
    for (const layout of layouts) {
      const sample = (await app.inject(`${train}/samples/4?layout=${layout}&normalization=standard`)).json()
      t.same(sample.shape, tensorShape(shape, layout))
      const expected = valuesOf(dataset, imageOf(dataset, 4), { normalization: 'standard', layout })
      t.ok(bytesOf(sample.image.flat(3), 'float32').equals(bytesOf(expected, 'float32')), layout)
    }
    for (const pad of [undefined, 32]) {
      const pixelsOf = (id: number): number[] => {
        return valuesOf(dataset, imageOf(dataset, id), { normalization: 'raw', layout: 'nhwc', pad })
      }
      const [rows, columns] = pad ? [pad, pad] : [shape.rows, shape.columns]
      const query = pad ? '&pad=32' : ''
      const png = decodePng((await app.inject(`${train}/samples/4?format=png${query}`)).rawPayload)
      t.same([png.channels, png.height, png.width, [...png.data]], [3, rows, columns, pixelsOf(4)])
      const sheet = decodePng((await app.inject(`${train}/thumbnails?ids=5,2,9&columns=2${query}`)).rawPayload)
      t.same([sheet.channels, sheet.height, sheet.width], [3, 2 * rows, 2 * columns])
      const lines = (id: number): number[][] => Array.from({ length: rows }, (_, row) => {
        return pixelsOf(id).slice(3 * row * columns, 3 * (row + 1) * columns)
      })
      const [first, second, third] = [lines(5), lines(2), lines(9)]
      const expected = [
        ...first!.flatMap((line, row) => [...line, ...second![row]!]),
        ...third!.flatMap(line => [...line, ...line.map(() => 0)])
      ]
      t.ok(Buffer.from(sheet.data).equals(Buffer.from(expected)), `sheet ${query}`)
    }
  })

  t.test(`${name}: the mean image, statistics and descriptions`, async t => {
    const { app } = await appOver(t, [dataset])
    const size = [3, shape.rows, shape.columns]
    const mean = (await app.inject(`${path}/mean`)).json()
    t.same(mean.shape, size)
    t.same([mean.mean.length, mean.mean[0].length, mean.mean[0][0].length], size)
    t.ok(bytesOf(mean.mean.flat(2), 'float32').equals(Buffer.from(dataset.meanImage.buffer)))
    const npy = readNpy((await app.inject(`${path}/mean?format=npy`)).rawPayload)
    t.same(npy.shape, size)
    t.ok(npy.bytes.equals(Buffer.from(dataset.meanImage.buffer)))
    const png = decodePng((await app.inject(`${path}/mean?format=png`)).rawPayload)
    const plane = planeSize(shape)
    t.equal(png.channels, 3)
    const pixels = Uint8Array.from({ length: 3 * plane }, (_, i) => {
      return Math.round(dataset.meanImage[i % 3 * plane + Math.floor(i / 3)]! * 255)
    })
    t.ok(Buffer.from(png.data).equals(pixels))

    const { standard } = dataset
    const lists = (of: typeof standard) => ({ mean: of.map(({ mean }) => mean), std: of.map(({ std }) => std) })
    const description = (await app.inject(path)).json()
    t.same([description.shape, description.preparation.standard], [size, lists(standard)])
    const split = (await app.inject(train)).json()
    t.same([split.shape, split.pixels], [[COUNT, ...size], lists(dataset.splits.train.pixels)])

    const statistics = (await app.inject(`${train}/statistics`)).json()
    t.same(statistics.shape, size)
    const levels = [0, 1, 2].map(() => new Array(256).fill(0))
    dataset.splits.train.images.forEach((level, i) => { levels[Math.floor(i / plane) % 3]![level]++ })
    t.same(statistics.levels, levels)
    const { images, labels } = dataset.splits.train
    const ofClass = [...labels.keys()].filter(id => labels[id] === 3)
    const values = Array.from({ length: 3 * plane }, (_, i) => ofClass.map(id => images[id * 3 * plane + i]! / 255))
    const means = values.map(column => column.reduce((sum, value) => sum + value, 0) / ofClass.length)
    const found: number[] = statistics.classes[3].mean.flat(2)
    t.ok(found.length === means.length && found.every((value, i) => Math.abs(value - means[i]!) < 1e-6))
    t.same(statistics.classes[3].variance.length, 3)

    const { recordSet } = (await app.inject(`${path}/croissant`)).json()
    const page = recordSet.find((set: { name: string }) => set.name === 'train/images/0')
    const field = page.field.find(({ name }: { name: string }) => name === 'train/images/0/image')
    t.equal(field.arrayShape, `${shape.rows},${shape.columns},3`)
  })
}

t.test('float16 is refused where σ of any channel is tiny', async t => {
  const dataset = colourful(shapes[1]!)
  const standard = dataset.levels.standard.map((value, i) => i < 512 ? value : value * 1e6)
  const { app } = await appOver(t, [{ ...dataset, levels: { ...dataset.levels, standard } }])
  t.equal((await app.inject(`${train}/batches?normalization=standard&dtype=float16`)).statusCode, 400)
  t.equal((await app.inject(`${train}/batches?normalization=unit&dtype=float16`)).statusCode, 200)
})
