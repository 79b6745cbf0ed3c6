import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const [rows, columns] = [6, 5]
const dataset = prepared({ train: 101, val: 20, test: 3 }, { rows, columns })
const split = '/v1/datasets/made-up/splits/train'

type App = Awaited<ReturnType<typeof appOver>>['app']

/** The images of a sheet, cut out of it. */
async function read (app: App, query: string, perRow = 16, side: [number, number] = [rows, columns]) {
  const response = await app.inject(`${split}/thumbnails?${query}`)
  const { width, height, data } = decodePng(response.rawPayload)
  const images = []
  for (let top = 0; top < height; top += side[0]) {
    for (let left = 0; left < width; left += side[1]) {
      const image = []
      for (let row = 0; row < side[0]; row++) {
        const from = (top + row) * width + left
        image.push(...data.slice(from, from + side[1]))
      }
      images.push(image)
    }
  }
  t.equal(width, perRow * side[1])
  return images
}

/** The images that another endpoint returns for the same samples. */
async function expected (app: App, query: string, ids?: number[]): Promise<number[][]> {
  const url = `?normalization=raw&${query}`
  const response = ids
    ? await app.inject({ method: 'POST', url: `${split}/gather${url}`, payload: { ids } })
    : await app.inject(`${split}/batches${url}`)
  return response.json().images
}

const black = (pixels = rows * columns): number[] => new Array(pixels).fill(0)

t.test('shows the images of the same page of batches', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = [
    'batch_size=32', 'batch_size=32&page=2', 'batch_size=20&page=5', 'batch_size=32&seed=3&epoch=1',
    'batch_size=16&rank=1&world_size=2&remainder=pad&page=3', 'batch_size=8&offset=99', 'batch_size=8&augment=rotate:30'
  ]
  for (const query of queries) {
    const images = await expected(app, query)
    const found = await read(app, query)
    t.same(found.slice(0, images.length), images, query)
    t.ok(found.slice(images.length).every(image => image.every(level => level === 0)), 'and the rest is black')
  }
  t.same(await read(app, 'batch_size=16&rank=7&world_size=8'), new Array(16).fill(black()), 'no samples')
})

t.test('shows the listed samples, in rows of as many columns as requested', async t => {
  const { app } = await appOver(t, [dataset])
  for (const query of ['', '&augment=shift:2&seed=5&epoch=2']) {
    const images = await expected(app, query.slice(1), [3, 1, 100, 1])
    t.same(await read(app, `ids=3,1,100,1&columns=3${query}`, 3), [...images, black(), black()])
  }
  const [padded] = await read(app, 'ids=7&columns=1&pad=32', 1, [32, 32])
  t.same(padded, (await expected(app, 'pad=32', [7]))[0])
})

t.test('has an ETag for every picture, and is immutable with a version', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = ['', 'page=1', 'ids=1,2', 'ids=2,1', 'ids=1,2&columns=2', 'ids=1,2&augment=shift:1',
    'ids=1,2&augment=shift:1&epoch=1', 'ids=1,2&pad=32', 'augment=shift:1']
  const responses = await Promise.all(queries.map(query => app.inject(`${split}/thumbnails?${query}`)))
  t.same(responses.map(({ statusCode }) => statusCode), queries.map(() => 200))
  t.equal(new Set(responses.map(({ headers }) => headers.etag)).size, queries.length)
  const url = `${split}/thumbnails?ids=1&version=${dataset.version}`
  const { headers } = await app.inject(url)
  t.match(headers, { 'content-type': 'image/png', 'cache-control': /immutable/ })
  t.equal((await app.inject({ url, headers: { 'if-none-match': headers.etag! } })).statusCode, 304)
})

t.test('rejects lists that are malformed, too long, or go with a page', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 3 })
  const allowed = '1 to 3 integers of at least 0, separated by commas'
  for (const ids of ['', 'x', '1,', '-1', '1.0', '1,2,3,4', '01']) {
    const problem = (await app.inject(`${split}/thumbnails?ids=${ids}`)).json()
    t.match(problem, { status: 400, errors: [{ parameter: 'ids', allowed }] }, ids)
  }
  t.match((await app.inject(`${split}/thumbnails?ids=101`)).json(), { status: 404, code: 'unknown_sample' })
  t.match((await app.inject(`${split}/thumbnails?ids=1&page=0&rank=0`)).json(), {
    status: 400,
    errors: [{ parameter: 'page', allowed: 'nothing with ids' }, { parameter: 'rank' }]
  })
  t.match((await app.inject(`${split}/thumbnails?ids=1&seed=1`)).json(), { errors: [{ parameter: 'seed' }] })
})

t.test('rejects a picture that the memory for work cannot hold', async t => {
  const { app } = await appOver(t, [dataset], { workMemory: 1 << 18 })
  const large = prepared({ train: 8, val: 1, test: 1 }, { rows: 128, columns: 128, name: 'large' })
  const { app: other } = await appOver(t, [large], { workMemory: 1 << 18 })
  t.equal((await app.inject(`${split}/thumbnails?batch_size=8`)).statusCode, 200)
  const problem = (await other.inject('/v1/datasets/large/splits/train/thumbnails?batch_size=8')).json()
  t.match(problem, { status: 400, errors: [{ parameter: 'batch_size', allowed: 'an integer from 1 to 3' }] })
})
