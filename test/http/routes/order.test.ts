import t from 'tap'
import { mix, shuffledOrder } from '../../../src/dataset/order.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 101, val: 20, test: 7 })
const train = '/v1/datasets/made-up/splits/train/batches?normalization=raw&labels=index'

t.test('a seed shuffles: each epoch in the order that anyone can recompute, samples and labels with it', async t => {
  const { app } = await appOver(t, [dataset])
  const { images, labels } = dataset.splits.train
  for (const [seed, epoch] of [[0, 0], [0, 1], [42, 7], [0xffffffff, 0xffffffff]] as const) {
    const ids: number[] = []
    for (let page = 0; page < 4; page++) {
      const body = (await app.inject(`${train}&batch_size=30&seed=${seed}&epoch=${epoch}&page=${page}`)).json()
      t.match(body, { seed, epoch, pages: 4, total: 101 })
      ids.push(...body.ids)
      t.ok(body.ids.every((id: number, i: number) => {
        return body.labels[i] === labels[id] && Buffer.from(body.images[i]).equals(images.subarray(id * 12, (id + 1) * 12))
      }), 'each image and label is that of its id')
    }
    t.same(ids, [...shuffledOrder(101, seed, epoch)], `seed ${seed} epoch ${epoch}`)
  }
  const first = await app.inject(`${train}&seed=5`)
  const same = await app.inject(`${train}&seed=5&epoch=0`)
  t.equal(first.body, same.body, 'the epoch is 0 unless it is given')
  t.equal(first.headers['etag'], same.headers['etag'])
  t.match(first.headers, { 'batch-seed': '5', 'batch-epoch': '0' })
})

t.test('every normalization is gathered as it is viewed', async t => {
  const { app } = await appOver(t, [dataset])
  for (const normalization of ['centered', 'unit', 'standard', 'raw']) {
    const url = `/v1/datasets/made-up/splits/train/batches?normalization=${normalization}&labels=onehot&batch_size=60`
    const natural = [...(await app.inject(url)).json().images, ...(await app.inject(`${url}&page=1`)).json().images]
    const shuffled = (await app.inject(`${url}&seed=3`)).json()
    t.same(shuffled.images, shuffled.ids.map((id: number) => natural[id]), normalization)
  }
})

interface Page { ids: number[], mask?: number[] }

/** All pages of an epoch of one rank, and how many pages there are said to be. */
async function pagesOf (app: Awaited<ReturnType<typeof appOver>>['app'], query: string): Promise<Page[]> {
  const pages: Page[] = []
  for (let page = 0, count = 1; page < count; page++) {
    const answer = await app.inject(`${train}&${query}&page=${page}`)
    if (answer.statusCode === 404) return pages
    const body = answer.json()
    count = body.pages
    pages.push(body)
  }
  return pages
}

const worlds = Array.from({ length: 8 }, (_, i) => ({ world: 1 + mix(i) % 6, size: 1 + mix(i + 100) % 30, seed: mix(i + 200) }))
  .concat({ world: 3, size: 50, seed: 1 }, { world: 1, size: 101, seed: 2 }, { world: 101, size: 1, seed: 3 })

t.test('shards: the ranks of a page are what one rank of a page as large would get', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  for (const { world, size, seed } of worlds) {
    const order = [...shuffledOrder(101, seed, 4)]
    const whole = await pagesOf(app, `seed=${seed}&epoch=4&batch_size=${size * world}`)
    for (const remainder of ['keep', 'drop', 'pad']) {
      const ranks = await Promise.all(Array.from({ length: world }, (_, rank) => {
        return pagesOf(app, `seed=${seed}&epoch=4&batch_size=${size}&rank=${rank}&world_size=${world}&remainder=${remainder}`)
      }))
      const name = `${remainder} ${world} × ${size}`
      const pages = ranks[0]!.length
      t.ok(ranks.every(own => own.length === pages), `${name}: all ranks have as many pages`)
      const global = Array.from({ length: pages }, (_, page) => ranks.flatMap(own => own[page]!.ids))
      const sizes = ranks.flatMap(own => own.map(({ ids }) => ids.length))
      if (remainder === 'keep') {
        t.same(global, whole.map(({ ids }) => ids), `${name}: each sample exactly once, page by page`)
        t.same(global.flat(), order)
      } else if (remainder === 'drop') {
        t.ok(sizes.every(length => length === size), `${name}: no short page`)
        t.same(global.flat(), order.slice(0, Math.floor(101 / (size * world)) * size * world), `${name}: nothing else is missing`)
      } else {
        t.ok(sizes.every(length => length === size), `${name}: equal counts`)
        const masks = Array.from({ length: pages }, (_, page) => ranks.flatMap(own => own[page]!.mask!)).flat()
        t.same(global.flat().filter((_, i) => masks[i]), order, `${name}: each real sample exactly once under the mask`)
        t.same(global.flat().slice(101), Array.from({ length: global.flat().length - 101 }, (_, i) => order[i % 101]), `${name}: padding is the start of the order`)
      }
    }
  }
})

t.test('shards of the natural order', async t => {
  const { app } = await appOver(t, [dataset])
  const ids = async (query: string) => (await app.inject(`${train}&${query}`)).json().ids
  t.same(await ids('batch_size=3&rank=1&world_size=2&page=1'), [9, 10, 11])
  t.same(await ids('batch_size=60&rank=1&world_size=2&remainder=pad'), [...Array.from({ length: 41 }, (_, i) => 60 + i), ...Array.from({ length: 19 }, (_, i) => i)])
  const empty = await app.inject(`${train}&batch_size=51&rank=1&world_size=2&page=0`)
  t.equal(empty.json().count, 50)
  const nothing = (await app.inject('/v1/datasets/made-up/splits/test/batches?batch_size=7&rank=1&world_size=2')).json()
  t.match(nothing, { count: 0, shape: [0, 12], ids: [], images: [], labels: [], pages: 1 }, 'a rank may get nothing')
})

t.test('Link and headers keep the shard', async t => {
  const { app } = await appOver(t, [dataset])
  const { headers } = await app.inject('/v1/datasets/made-up/splits/train/batches?seed=1&epoch=2&rank=1&world_size=3&remainder=drop&batch_size=8')
  t.equal(headers['link'], ['first', 'next', 'last'].map((relation, i) => {
    return `</v1/datasets/made-up/splits/train/batches?seed=1&epoch=2&rank=1&world_size=3&remainder=drop&batch_size=8&page=${[0, 1, 3][i]}>; rel="${relation}"`
  }).join(', '))
  t.match(headers, { 'batch-seed': '1', 'batch-epoch': '2', 'batch-rank': '1', 'batch-world-size': '3', 'batch-remainder': 'drop', 'batch-pages': '4' })
})

t.test('each order has its own ETag', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = ['', '&seed=1', '&seed=1&epoch=2', '&seed=2&epoch=1', '&rank=1&world_size=2', '&rank=0&world_size=2', '&seed=1&rank=0&world_size=2', '&remainder=pad', '&remainder=drop']
  const tags = await Promise.all(queries.map(async query => (await app.inject(train + query)).headers['etag']))
  t.equal(new Set(tags).size, queries.length)
})

t.test('parameters that conflict are named', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[query: string, parameter: string, allowed: string]> = [
    ['epoch=1', 'epoch', 'nothing without seed'],
    ['rank=1', 'world_size', 'rank and world_size together, or neither'],
    ['world_size=2', 'rank', 'rank and world_size together, or neither'],
    ['rank=2&world_size=2', 'rank', 'an integer from 0 to 1'],
    ['seed=4294967296', 'seed', 'an integer from 0 to 4294967295'],
    ['seed=-1', 'seed', 'an integer from 0 to 4294967295'],
    ['rank=0&world_size=0', 'world_size', 'an integer from 1 to 65536'],
    ['remainder=wrap', 'remainder', 'one of keep, drop, pad']
  ]
  for (const [query, parameter, allowed] of cases) {
    t.match((await app.inject(`${train}&${query}`)).json(), { status: 400, code: 'invalid_parameter', errors: [{ parameter, allowed }] }, query)
  }
  t.match((await app.inject(`${train}&batch_size=60&rank=0&world_size=2&remainder=drop`)).json(), {
    status: 404, pages: 0, detail: 'train has 101 samples, which at batch_size 60 and world_size 2 make no page at all; there is no page 0'
  })
})
