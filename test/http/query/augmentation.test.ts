import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { sampleKey } from '../../../src/dataset/order.ts'
import { appOver } from '../../fixtures/app.ts'
import { referenceAugmenter } from '../../fixtures/augment/reference.ts'
import { prepared } from '../../fixtures/prepared.ts'
import type { ReadBatch } from '../../fixtures/read.ts'

const dataset = prepared({ train: 101, val: 20, test: 7 }, { rows: 28, columns: 28 })
const { images } = dataset.splits.train
const train = '/v1/datasets/made-up/splits/train/batches'
const sample = '/v1/datasets/made-up/splits/train/samples'
const everything = 'rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8'
const strengths = { rotate: 15, shift: 2, scale: 0.1, elastic: 34, noise: 10, cutout: 8 }

type App = Awaited<ReturnType<typeof appOver>>['app']

/** The augmented image of a sample of the split. */
function expected (id: number, seed = 0, epoch = 0): Uint8Array {
  const target = new Uint8Array(784)
  const augment = referenceAugmenter(dataset.shape, strengths)
  augment(images.subarray(id * 784, (id + 1) * 784), target, sampleKey(seed, epoch)(id))
  return target
}

async function get<Body = ReadBatch> (app: App, url: string): Promise<Body> {
  const response = await app.inject(url)
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.body}`)
  return response.json<Body>()
}

t.test('the augmented image of a sample is the same in any page, shard, batch size and order', async t => {
  const { app } = await appOver(t, [dataset])
  const raw = `${train}?normalization=raw&augment=${everything}`
  for (const [seed, epoch, query] of [
    [5, 2, '&seed=5&epoch=2&batch_size=64'],
    [5, 2, '&seed=5&epoch=2&batch_size=30&page=2'],
    [5, 2, '&seed=5&epoch=2&batch_size=7&rank=1&world_size=3&page=1'],
    [5, 2, '&seed=5&epoch=2&batch_size=20&rank=2&world_size=3&page=1&remainder=pad'],
    [0xffffffff, 0xffffffff, '&seed=4294967295&epoch=4294967295&batch_size=8'],
    [0, 0, '&batch_size=64&page=1'],
    [0, 3, '&epoch=3&batch_size=20&offset=70']
  ] as const) {
    const body = await get(app, raw + query)
    for (const [i, id] of body.ids.entries()) {
      if (!Buffer.from(body.images[i]!).equals(expected(id, seed, epoch))) t.fail(`${query}: sample ${id}`)
    }
    t.ok(body.ids.length > 0)
  }
  const [first, second] = [await get(app, `${raw}&seed=5&epoch=1`), await get(app, `${raw}&seed=5&epoch=2`)]
  const id = first.ids.find(id => second.ids.includes(id))!
  const imageOf = ({ images, ids }: ReadBatch) => images[ids.indexOf(id)]
  t.notSame(imageOf(first), imageOf(second), 'each epoch augments a sample differently')
})

t.test('an epoch without a seed augments the natural order as seed 0 does', async t => {
  const { app } = await appOver(t, [dataset])
  const query = '?normalization=raw&augment=noise:10&epoch=3'
  const response = await app.inject(`${train}${query}&batch_size=3`)
  t.match(response.json(), { epoch: 3, ids: [0, 1, 2] })
  t.notOk('seed' in response.json(), 'a seed would stand for a shuffled order')
  t.match(response.headers, { 'batch-epoch': '3', 'batch-seed': undefined })
  const ids = [4, 1]
  const gather = (query: string) => app.inject({
    method: 'POST', url: `${train.replace(/batches$/, 'gather')}${query}`, payload: { ids }
  })
  t.match((await gather(query)).json(), { seed: 0, epoch: 3 })
  t.equal((await gather(query)).body, (await gather(`${query}&seed=0`)).body)
  t.same((await app.inject(`${sample}/4${query}`)).body, (await app.inject(`${sample}/4${query}&seed=0`)).body)
})

t.test('augmented pixels are normalized like any others', async t => {
  const { app } = await appOver(t, [dataset])
  const { meanImage, standard: [scale] } = dataset
  const { mean, std } = scale!
  const formulas: Record<string, (unit: number, pixel: number) => number> = {
    unit: unit => unit,
    centered: (unit, pixel) => Math.fround(unit - meanImage[pixel]!),
    standard: unit => Math.fround(Math.fround(unit - mean) / std)
  }
  const query = `?augment=${everything}&seed=3&batch_size=20`
  const raw: number[][] = (await get(app, `${train}${query}&normalization=raw`)).images
  for (const [normalization, formula] of Object.entries(formulas)) {
    const found: number[][] = (await get(app, `${train}${query}&normalization=${normalization}`)).images
    t.ok(found.every((image, i) => image.every((value, pixel) => {
      return Math.fround(value) === formula(Math.fround(raw[i]![pixel]! / 255), pixel)
    })), normalization)
  }
})

t.test('a PNG, a sample and a row of a batch have the same pixels', async t => {
  const { app } = await appOver(t, [dataset])
  const query = `augment=${everything}&seed=9&epoch=4`
  for (const pad of ['', '&pad=32']) {
    const side = pad ? 32 : 28
    const batch = await get(app, `${train}?${query}${pad}&normalization=raw&batch_size=3`)
    const centered = await get(app, `${train}?${query}${pad}&batch_size=3`)
    for (const [i, id] of batch.ids.entries()) {
      const png = decodePng((await app.inject(`${sample}/${id}?format=png&${query}${pad}`)).rawPayload)
      t.same([png.width, png.height, [...png.data]], [side, side, batch.images[i]], `PNG ${id}`)
      const body = await get<{ image: number[] }>(app, `${sample}/${id}?${query}${pad}`)
      const shape = [side * side]
      t.match(body, { id, seed: 9, epoch: 4, augment: everything, shape, ...(pad && { pad: 32 }) })
      t.same(body.image, centered.images[i], `sample ${id}`)
    }
  }
})

t.test('padding centers images in zeros, before normalization', async t => {
  const { app } = await appOver(t, [dataset])
  const { standard: [scale] } = dataset
  const { mean, std } = scale!
  const border = { raw: 0, unit: 0, centered: 0, standard: Math.fround(Math.fround(0 - mean) / std) }
  for (const order of ['', '&seed=1', '&batch_size=64&page=1&remainder=pad']) {
    for (const [normalization, zero] of Object.entries(border)) {
      const url = `${train}?layout=nhwc&normalization=${normalization}${order}`
      const plain = await get<ReadBatch<number[][][]>>(app, url)
      const body = await get<ReadBatch<number[][][]>>(app, `${url}&pad=32`)
      t.same(body.shape, [body.count, 32, 32, 1])
      const padded = plain.images.map(rows => Array.from({ length: 32 }, (_, row) => {
        return Array.from({ length: 32 }, (_, column) => rows[row - 2]?.[column - 2]?.[0] ?? zero)
      }))
      const [found, wanted] = [body.images.flat(3), padded.flat(2)].map(values => Float32Array.from(values))
      t.ok(Buffer.from(found!.buffer).equals(Buffer.from(wanted!.buffer)), `${normalization}${order}`)
    }
  }
  t.same((await get(app, `${train}?layout=nchw&pad=32`)).shape, [64, 1, 32, 32])
  const testSample = await get(app, '/v1/datasets/made-up/splits/test/samples/0?pad=32&layout=nchw')
  t.same(testSample.shape, [1, 32, 32], 'in any split')
  const small = await appOver(t, [prepared({ train: 3, val: 0, test: 1 })])
  const url = `${train}?pad=32&normalization=raw&batch_size=1&layout=nhwc`
  const { images: [image] } = await get<ReadBatch<number[][][]>>(small.app, url)
  t.equal(image!.flat(2).filter(level => level > 0).length, 12, 'images of other sizes, too')
  t.ok(image![14]![14]![0]! > 0 && image![17]![16]![0]! > 0, 'in the center')
})

t.test('a batch repeats its augmentations in canonical form', async t => {
  const { app } = await appOver(t, [dataset])
  const response = await app.inject(`${train}?augment=noise:10.0,rotate:15&pad=32&batch_size=2`)
  t.match(response.json(), { augment: 'rotate:15,noise:10', pad: 32 })
  t.match(response.headers, { 'batch-augment': 'rotate:15,noise:10', 'batch-pad': '32' })
  t.match(response.headers['link'], 'augment=noise%3A10.0%2Crotate%3A15')
  const canonical = await app.inject(`${train}?augment=rotate:15,noise:10&pad=32&batch_size=2`)
  t.equal(canonical.headers['etag'], response.headers['etag'])
  const plain = await app.inject(train)
  const isMentioned = 'augment' in plain.json() || 'batch-augment' in plain.headers || 'pad' in plain.json()
  t.notOk(isMentioned, 'none without the parameters')
})

t.test('augmented batches and samples are cached like any others', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = [
    '',
    'augment=noise:1',
    'augment=noise:2',
    'augment=noise:1,cutout:1',
    'augment=noise:1&epoch=1',
    'augment=noise:1&seed=1',
    'augment=noise:1&seed=1&epoch=1',
    'augment=noise:1&pad=32',
    'pad=32'
  ]
  for (const resource of [train, `${sample}/3`, `${sample}/3?format=png`]) {
    const join = resource.includes('?') ? '&' : '?'
    const tags = await Promise.all(queries.map(async query => {
      const url = `${resource}${join}${query}`
      const { etag } = (await app.inject(url)).headers
      t.match(etag, /^"[\x21\x23-\x2b\x2d-\x7e]+"$/, 'a tag without a comma')
      const conditional = await app.inject({ url, headers: { 'if-none-match': etag as string } })
      t.same([conditional.statusCode, conditional.rawPayload.length], [304, 0], url)
      return etag
    }))
    t.equal(new Set(tags).size, queries.length, `${resource}: each representation has its own tag`)
  }
  const pinned = await app.inject(`${train}?augment=noise:1&version=${dataset.version}`)
  t.equal(pinned.headers['cache-control'], 'public, max-age=31536000, immutable')
  for (const format of ['json', 'npz', 'safetensors']) {
    const url = `${train}?augment=${everything}&batch_size=5&format=${format}`
    const [get, head] = [await app.inject(url), await app.inject({ method: 'HEAD', url })]
    t.equal(Number(head.headers['content-length']), get.rawPayload.length, `${format}: HEAD has the length of GET`)
  }
})

t.test('invalid augmentations, padding and seeds are named, with the allowed values', async t => {
  const { app } = await appOver(t, [dataset])
  const all = 'name:strength pairs separated by commas, each name once: flip:0 to 1, rotate:0 to 45, shift:0 to 8, ' +
    'scale:0 to 0.5, elastic:0 to 64, noise:0 to 64, cutout:0 to 16 (an integer)'
  const otherSplit = 'augment is only available for the split train, not for test'
  const onlyTrain = 'nothing with splits other than train'
  const onlyAugmented = 'nothing without augment'
  const unknown = /there is no augmentation 'blur'/
  const tooStrong = /the strength of noise must be a number from 0 to 64, got '65'/
  const test = '/v1/datasets/made-up/splits/test'
  const cases: Array<[url: string, parameter: string, detail: string | RegExp, allowed: string]> = [
    [`${train}?augment=`, 'augment', `augment must be ${all}; '' is not name:strength`, all],
    [`${train}?augment=blur:1`, 'augment', unknown, all],
    [`${sample}/0?augment=noise:65`, 'augment', tooStrong, all],
    [`${train}?augment=noise:1,noise:1`, 'augment', /noise is given twice/, all],
    [`${test}/batches?augment=noise:1`, 'augment', otherSplit, onlyTrain],
    [`${test}/samples/0?augment=noise:1`, 'augment', otherSplit, onlyTrain],
    [`${train}?pad=30`, 'pad', "pad must be one of 32, got '30'", 'one of 32'],
    [`${train}?pad=032`, 'pad', "pad must be one of 32, got '032'", 'one of 32'],
    [`${train}?epoch=1`, 'epoch', /epoch requires seed or augment/, 'nothing without seed or augment'],
    [`${sample}/0?seed=1`, 'seed', 'seed requires augment: without it, nothing is random', onlyAugmented],
    [`${sample}/0?epoch=1`, 'epoch', 'epoch requires augment: without it, nothing is random', onlyAugmented]
  ]
  for (const [url, parameter, detail, allowed] of cases) {
    const errors = [{ parameter, detail, allowed }]
    t.match((await app.inject(url)).json(), { status: 400, code: 'invalid_parameter', errors }, url)
  }
  t.match((await app.inject(`${train}?augment=noise:1&augment=cutout:1`)).json(), {
    status: 400,
    errors: [{ parameter: 'augment', detail: 'augment is given 2 times' }]
  })
  const large = await appOver(t, [prepared({ train: 1, val: 0, test: 1 }, { rows: 33, columns: 20 })])
  t.match((await large.app.inject(`${train}?pad=32`)).json(), {
    status: 400,
    errors: [{ parameter: 'pad', detail: 'images of 33×20 cannot be padded to 32×32' }]
  })
})

t.test('other requests are answered while large batches are augmented', async t => {
  const dataset = prepared({ train: 1000, val: 0, test: 1 }, { rows: 28, columns: 28 })
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  await app.ready()
  let augmented = 0
  const large = Array.from({ length: 4 }, async (_, seed) => {
    const { statusCode } = await app.inject(`${train}?augment=elastic:34&batch_size=1000&format=npz&seed=${seed}`)
    augmented++
    return statusCode
  })
  for (let i = 0; i < 5; i++) {
    t.equal((await app.inject('/healthz')).statusCode, 200)
    t.equal(augmented, 0, 'answered before the batches')
  }
  t.same(await Promise.all(large), [200, 200, 200, 200])
})

t.test('a client may disconnect while its batch is augmented', async t => {
  const { app, log } = await appOver(t, [dataset])
  const url = `${await app.listen({ port: 0 })}${train}?augment=${everything}`
  const controller = new AbortController()
  const aborted = fetch(url, { signal: controller.signal })
  setImmediate(() => controller.abort())
  await t.rejects(aborted, { name: 'AbortError' })
  const response = await fetch(url)
  t.equal(response.status, 200)
  // Otherwise the connection stays busy, and closing the app waits for it.
  await response.arrayBuffer()
  t.same(log.filter(({ msg }) => msg === 'unexpected error'), [])
})
