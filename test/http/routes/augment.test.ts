import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { augmenter } from '../../../src/batch/augment/augment.ts'
import { sampleKey } from '../../../src/dataset/order.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import type { ReadBatch } from '../../fixtures/read.ts'

const dataset = prepared({ train: 101, val: 20, test: 7 }, { rows: 28, columns: 28 })
const { images } = dataset.splits.train
const train = '/v1/datasets/made-up/splits/train/batches'
const sample = '/v1/datasets/made-up/splits/train/samples'
const everything = 'rotate:15,shift:2,scale:0.1,elastic:34,noise:10,cutout:8'
const strengths = { rotate: 15, shift: 2, scale: 0.1, elastic: 34, noise: 10, cutout: 8 }

type App = Awaited<ReturnType<typeof appOver>>['app']

/** What a sample of the split is to become. */
function expected (id: number, seed = 0, epoch = 0): Uint8Array {
  const target = new Uint8Array(784)
  augmenter(dataset, strengths)(images.subarray(id * 784, (id + 1) * 784), target, sampleKey(seed, epoch)(id))
  return target
}

async function get<Body = ReadBatch> (app: App, url: string): Promise<Body> {
  const answer = await app.inject(url)
  if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.body}`)
  return answer.json<Body>()
}

t.test('a sample becomes the same in any page, shard and batch size, and in the natural order', async t => {
  const { app } = await appOver(t, [dataset])
  const raw = `${train}?normalization=raw&augment=${everything}`
  for (const [seed, epoch, query] of [
    [5, 2, '&seed=5&epoch=2&batch_size=64'],
    [5, 2, '&seed=5&epoch=2&batch_size=30&page=2'],
    [5, 2, '&seed=5&epoch=2&batch_size=7&rank=1&world_size=3&page=1'],
    [5, 2, '&seed=5&epoch=2&batch_size=20&rank=2&world_size=3&page=1&remainder=pad'],
    [0xffffffff, 0xffffffff, '&seed=4294967295&epoch=4294967295&batch_size=8'],
    [0, 0, '&batch_size=64&page=1']
  ] as const) {
    const body = await get(app, raw + query)
    for (const [i, id] of body.ids.entries()) {
      if (!Buffer.from(body.images[i]).equals(expected(id, seed, epoch))) t.fail(`${query}: sample ${id}`)
    }
    t.ok(body.ids.length > 0)
  }
  const [first, second] = [await get(app, `${raw}&seed=5&epoch=1`), await get(app, `${raw}&seed=5&epoch=2`)]
  const id = first.ids.find(id => second.ids.includes(id))!
  t.notSame(first.images[first.ids.indexOf(id)], second.images[second.ids.indexOf(id)], 'each epoch makes something else of it')
})

t.test('normalization is of the augmented levels, in the same arithmetic', async t => {
  const { app } = await appOver(t, [dataset])
  const { meanImage, standard: { mean, std } } = dataset
  const formulas: Record<string, (unit: number, pixel: number) => number> = {
    unit: unit => unit,
    centered: (unit, pixel) => Math.fround(unit - meanImage[pixel]!),
    standard: unit => Math.fround(Math.fround(unit - mean) / std)
  }
  const query = `?augment=${everything}&seed=3&batch_size=20`
  const raw: number[][] = (await get(app, `${train}${query}&normalization=raw`)).images
  for (const [normalization, formula] of Object.entries(formulas)) {
    const found: number[][] = (await get(app, `${train}${query}&normalization=${normalization}`)).images
    t.ok(found.every((image, i) => image.every((value, pixel) => Math.fround(value) === formula(Math.fround(raw[i]![pixel]! / 255), pixel))), normalization)
  }
})

t.test('a picture, a sample and a row of a batch are the same', async t => {
  const { app } = await appOver(t, [dataset])
  const query = `augment=${everything}&seed=9&epoch=4`
  for (const pad of ['', '&pad=32']) {
    const side = pad ? 32 : 28
    const batch = await get(app, `${train}?${query}${pad}&normalization=raw&batch_size=3`)
    const centered = await get(app, `${train}?${query}${pad}&batch_size=3`)
    for (const [i, id] of batch.ids.entries()) {
      const picture = decodePng((await app.inject(`${sample}/${id}?format=png&${query}${pad}`)).rawPayload)
      t.same([picture.width, picture.height, [...picture.data]], [side, side, batch.images[i]], `picture ${id}`)
      const body = await get<{ image: number[] }>(app, `${sample}/${id}?${query}${pad}`)
      t.match(body, { id, seed: 9, epoch: 4, augment: everything, shape: [side * side], ...(pad && { pad: 32 }) })
      t.same(body.image, centered.images[i], `sample ${id}`)
    }
  }
})

t.test('padding puts images into the middle of zeros, before normalization', async t => {
  const { app } = await appOver(t, [dataset])
  const { standard: { mean, std } } = dataset
  const border: Record<string, number> = { raw: 0, unit: 0, centered: 0, standard: Math.fround(Math.fround(0 - mean) / std) }
  for (const order of ['', '&seed=1', '&batch_size=64&page=1&remainder=pad']) {
    for (const normalization of ['raw', 'unit', 'centered', 'standard']) {
      const zero = border[normalization]!
      const plain = await get<ReadBatch<number[][][]>>(app, `${train}?layout=nhwc&normalization=${normalization}${order}`)
      const body = await get<ReadBatch<number[][][]>>(app, `${train}?layout=nhwc&normalization=${normalization}${order}&pad=32`)
      t.same(body.shape, [body.count, 32, 32, 1])
      const wanted = plain.images.map(rows => Array.from({ length: 32 }, (_, row) => Array.from({ length: 32 }, (_, column) => {
        return rows[row - 2]?.[column - 2]?.[0] ?? zero
      })))
      t.ok(Buffer.from(Float32Array.from(body.images.flat(3)).buffer).equals(Buffer.from(Float32Array.from(wanted.flat(2)).buffer)), `${normalization}${order}`)
    }
  }
  t.same((await get(app, `${train}?layout=nchw&pad=32`)).shape, [64, 1, 32, 32])
  t.same((await get(app, '/v1/datasets/made-up/splits/test/samples/0?pad=32&layout=nchw')).shape, [1, 32, 32], 'of any split')
  const small = await appOver(t, [prepared({ train: 3, val: 0, test: 1 })])
  const { images: [image] } = await get<ReadBatch<number[][][]>>(small.app, `${train}?pad=32&normalization=raw&batch_size=1&layout=nhwc`)
  t.equal(image!.flat(2).filter(level => level > 0).length, 12, 'images of other sizes, too')
  t.ok(image![14]![14]![0]! > 0 && image![17]![16]![0]! > 0, 'in the middle')
})

t.test('a batch says how it was changed, in one way however it was asked', async t => {
  const { app } = await appOver(t, [dataset])
  const answer = await app.inject(`${train}?augment=noise:10.0,rotate:15&pad=32&batch_size=2`)
  t.match(answer.json(), { augment: 'rotate:15,noise:10', pad: 32 })
  t.match(answer.headers, { 'batch-augment': 'rotate:15,noise:10', 'batch-pad': '32' })
  t.match(answer.headers['link'], 'augment=noise%3A10.0%2Crotate%3A15')
  t.equal((await app.inject(`${train}?augment=rotate:15,noise:10&pad=32&batch_size=2`)).headers['etag'], answer.headers['etag'])
  const plain = await app.inject(train)
  t.notOk('augment' in plain.json() || 'batch-augment' in plain.headers || 'pad' in plain.json(), 'and nothing where nothing was asked')
})

t.test('caching is as for any other batch', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = ['', 'augment=noise:1', 'augment=noise:2', 'augment=noise:1,cutout:1', 'augment=noise:1&seed=1', 'augment=noise:1&seed=1&epoch=1', 'augment=noise:1&pad=32', 'pad=32']
  for (const url of [train, `${sample}/3`, `${sample}/3?format=png`]) {
    const join = url.includes('?') ? '&' : '?'
    const tags = await Promise.all(queries.map(async query => {
      const answer = await app.inject(`${url}${join}${query}`)
      t.match(answer.headers['etag'], /^"[\x21\x23-\x2b\x2d-\x7e]+"$/, 'a tag without a comma')
      const again = await app.inject({ url: `${url}${join}${query}`, headers: { 'if-none-match': answer.headers['etag'] as string } })
      t.same([again.statusCode, again.rawPayload.length], [304, 0], `${url} ${query}`)
      return answer.headers['etag']
    }))
    t.equal(new Set(tags).size, queries.length, `${url}: each has its tag`)
  }
  const pinned = await app.inject(`${train}?augment=noise:1&version=${dataset.version}`)
  t.equal(pinned.headers['cache-control'], 'public, max-age=31536000, immutable')
  for (const format of ['json', 'npz', 'safetensors']) {
    const [get, head] = await Promise.all((['GET', 'HEAD'] as const).map(method => app.inject({ method, url: `${train}?augment=${everything}&batch_size=5&format=${format}` })))
    t.equal(Number(head!.headers['content-length']), get!.rawPayload.length, `${format}: HEAD tells what GET would send`)
  }
})

t.test('what cannot be done is named, with what is allowed', async t => {
  const { app } = await appOver(t, [dataset])
  const all = 'name:strength pairs separated by commas, each name once: rotate:0 to 45, shift:0 to 8, scale:0 to 0.5, elastic:0 to 64, noise:0 to 64, cutout:0 to 16 (an integer)'
  const test = '/v1/datasets/made-up/splits/test'
  const cases: Array<[url: string, parameter: string, detail: string | RegExp, allowed: string]> = [
    [`${train}?augment=`, 'augment', `augment must be ${all}; '' is not name:strength`, all],
    [`${train}?augment=flip:1`, 'augment', /there is no augmentation 'flip'/, all],
    [`${sample}/0?augment=noise:65`, 'augment', /the strength of noise must be a number from 0 to 64, got '65'/, all],
    [`${train}?augment=noise:1,noise:1`, 'augment', /noise is given twice/, all],
    [`${test}/batches?augment=noise:1`, 'augment', 'augment is for training: it goes with the split train, not with test', 'nothing with splits other than train'],
    [`${test}/samples/0?augment=noise:1`, 'augment', 'augment is for training: it goes with the split train, not with test', 'nothing with splits other than train'],
    [`${train}?pad=30`, 'pad', "pad must be one of 32, got '30'", 'one of 32'],
    [`${train}?pad=032`, 'pad', "pad must be one of 32, got '032'", 'one of 32'],
    [`${train}?augment=noise:1&epoch=1`, 'epoch', /epoch goes with a seed/, 'nothing without seed'],
    [`${sample}/0?augment=noise:1&epoch=1`, 'epoch', /epoch goes with a seed/, 'nothing without seed'],
    [`${sample}/0?seed=1`, 'seed', 'seed goes with augment, without which nothing is random', 'nothing without augment']
  ]
  for (const [url, parameter, detail, allowed] of cases) {
    t.match((await app.inject(url)).json(), { status: 400, code: 'invalid_parameter', errors: [{ parameter, detail, allowed }] }, url)
  }
  t.match((await app.inject(`${train}?augment=noise:1&augment=cutout:1`)).json(), { status: 400, errors: [{ parameter: 'augment', detail: 'augment is given 2 times' }] })
  const large = await appOver(t, [prepared({ train: 1, val: 0, test: 1 }, { rows: 33, columns: 20 })])
  t.match((await large.app.inject(`${train}?pad=32`)).json(), { status: 400, errors: [{ parameter: 'pad', detail: 'images of 33×20 cannot be padded to 32×32' }] })
})

t.test('others have their turn while large batches are augmented', async t => {
  const { app } = await appOver(t, [prepared({ train: 1000, val: 0, test: 1 }, { rows: 28, columns: 28 })], { maxBatchSize: 4096 })
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

t.test('a reader who leaves while its batch is augmented does no harm', async t => {
  const { app, log } = await appOver(t, [dataset])
  const base = await app.listen({ port: 0 })
  const leaving = new AbortController()
  const answer = fetch(`${base}${train}?augment=${everything}`, { signal: leaving.signal })
  setImmediate(() => leaving.abort())
  await t.rejects(answer, { name: 'AbortError' })
  const response = await fetch(`${base}${train}?augment=${everything}`)
  t.equal(response.status, 200)
  // Otherwise the connection stays busy, and closing the app waits for it.
  await response.arrayBuffer()
  t.same(log.filter(({ msg }) => msg === 'unexpected error'), [])
})
