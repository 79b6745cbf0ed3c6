import t from 'tap'
import { mix, shuffledOrder } from '../../../src/dataset/order.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { readSafetensors } from '../../fixtures/read.ts'

const dataset = prepared({ train: 101, val: 20, test: 7 })
const batches = '/v1/datasets/made-up/splits/train/batches'
const train = `${batches}?normalization=raw&labels=index`

type App = Awaited<ReturnType<typeof appOver>>['app']

t.test('the pages of any batch size contain each sample once, in order', async t => {
  const dataset = prepared({ train: 101, val: 20, test: 1 })
  const { app } = await appOver(t, [dataset], { maxBatchSize: 200 })
  const sizes = [1, 2, 3, 50, 51, 100, 101, 102, 200, ...Array.from({ length: 12 }, (_, i) => 1 + mix(i) % 120)]
  for (const split of ['train', 'val', 'test'] as const) {
    const { count, images, labels } = dataset.splits[split]
    for (const size of sizes) {
      const found: { ids: number[], images: number[], labels: number[] } = { ids: [], images: [], labels: [] }
      const url = `/v1/datasets/made-up/splits/${split}/batches?batch_size=${size}&normalization=raw&labels=index`
      const pages = Math.ceil(count / size)
      for (let page = 0; page < pages; page++) {
        const body = (await app.inject(`${url}&page=${page}`)).json()
        const isConsistent = body.count === body.ids.length && body.pages === pages && body.total === count
        if (!isConsistent) t.fail(`counts of page ${page} of ${size}`)
        found.ids.push(...body.ids)
        found.images.push(...body.images.flat())
        found.labels.push(...body.labels)
      }
      t.ok(found.ids.length === count && found.ids.every((id, i) => id === i), `${split} by ${size}: ids`)
      const isSame = Buffer.from(found.images).equals(images) && Buffer.from(found.labels).equals(labels)
      t.ok(isSame, `${split} by ${size}: images and labels`)
    }
  }
})

t.test('with a seed, each epoch has the documented order, and its own images and labels', async t => {
  const { app } = await appOver(t, [dataset])
  const { images, labels } = dataset.splits.train
  for (const [seed, epoch] of [[0, 0], [0, 1], [42, 7], [0xffffffff, 0xffffffff]] as const) {
    const ids: number[] = []
    for (let page = 0; page < 4; page++) {
      const body = (await app.inject(`${train}&batch_size=30&seed=${seed}&epoch=${epoch}&page=${page}`)).json()
      t.match(body, { seed, epoch, pages: 4, total: 101 })
      ids.push(...body.ids)
      t.ok(body.ids.every((id: number, i: number) => {
        const image = images.subarray(id * 12, (id + 1) * 12)
        return body.labels[i] === labels[id] && Buffer.from(body.images[i]).equals(image)
      }), 'each id has its image and label')
    }
    t.same(ids, [...shuffledOrder(101, seed, epoch)], `seed ${seed} epoch ${epoch}`)
  }
  const implicit = await app.inject(`${train}&seed=5`)
  const explicit = await app.inject(`${train}&seed=5&epoch=0`)
  t.equal(implicit.body, explicit.body, 'the epoch is 0 by default')
  t.equal(implicit.headers['etag'], explicit.headers['etag'])
  t.match(implicit.headers, { 'batch-seed': '5', 'batch-epoch': '0' })
})

interface Page {
  readonly ids: number[]
  readonly mask?: number[]
}

/** Fetches all pages that one rank gets of an epoch. */
async function fetchPages (app: App, query: string): Promise<Page[]> {
  const pages: Page[] = []
  for (let page = 0, count = 1; page < count; page++) {
    const response = await app.inject(`${train}&${query}&page=${page}`)
    if (response.statusCode === 404) return pages
    const body = response.json()
    count = body.pages
    pages.push(body)
  }
  return pages
}

const worlds = [
  ...Array.from({ length: 8 }, (_, i) => ({
    worldSize: 1 + mix(i) % 6, size: 1 + mix(i + 100) % 30, seed: mix(i + 200)
  })),
  { worldSize: 3, size: 50, seed: 1 },
  { worldSize: 1, size: 101, seed: 2 },
  { worldSize: 101, size: 1, seed: 3 }
]

t.test('all ranks together get the pages that a single rank gets at the global batch size', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  for (const { worldSize, size, seed } of worlds) {
    const order = [...shuffledOrder(101, seed, 4)]
    const epoch = `seed=${seed}&epoch=4`
    const unsharded = await fetchPages(app, `${epoch}&batch_size=${size * worldSize}`)
    for (const remainder of ['keep', 'drop', 'pad']) {
      const shard = `${epoch}&batch_size=${size}&world_size=${worldSize}&remainder=${remainder}`
      const ranks = await Promise.all(Array.from({ length: worldSize }, (_, rank) => {
        return fetchPages(app, `${shard}&rank=${rank}`)
      }))
      const name = `${remainder} ${worldSize} × ${size}`
      const pages = ranks[0]!.length
      t.ok(ranks.every(own => own.length === pages), `${name}: all ranks have the same number of pages`)
      const global = Array.from({ length: pages }, (_, page) => ranks.flatMap(own => own[page]!.ids))
      const ids = global.flat()
      const sizes = ranks.flatMap(own => own.map(({ ids }) => ids.length))
      if (remainder === 'keep') {
        t.same(global, unsharded.map(({ ids }) => ids), `${name}: each sample exactly once, page by page`)
        t.same(ids, order)
      } else if (remainder === 'drop') {
        t.ok(sizes.every(length => length === size), `${name}: no short page`)
        const complete = Math.floor(101 / (size * worldSize)) * size * worldSize
        t.same(ids, order.slice(0, complete), `${name}: only the incomplete last page is dropped`)
      } else {
        t.ok(sizes.every(length => length === size), `${name}: equal counts`)
        const masks = Array.from({ length: pages }, (_, page) => ranks.flatMap(own => own[page]!.mask!)).flat()
        t.same(ids.filter((_, i) => masks[i]), order, `${name}: each sample exactly once under the mask`)
        const padding = Array.from({ length: ids.length - 101 }, (_, i) => order[i % 101])
        t.same(ids.slice(101), padding, `${name}: padding is the start of the order`)
      }
    }
  }
})

t.test('ranks divide the natural order', async t => {
  const { app } = await appOver(t, [dataset])
  const fetchIds = async (query: string) => (await app.inject(`${train}&${query}`)).json().ids
  t.same(await fetchIds('batch_size=3&rank=1&world_size=2&page=1'), [9, 10, 11])
  t.same(await fetchIds('batch_size=60&rank=1&world_size=2&remainder=pad'), [
    ...Array.from({ length: 41 }, (_, i) => 60 + i),
    ...Array.from({ length: 19 }, (_, i) => i)
  ])
  const short = await app.inject(`${train}&batch_size=51&rank=1&world_size=2&page=0`)
  t.equal(short.json().count, 50)
  const empty = await app.inject('/v1/datasets/made-up/splits/test/batches?batch_size=7&rank=1&world_size=2')
  t.match(empty.json(), {
    count: 0, shape: [0, 12], ids: [], images: [], labels: [], pages: 1
  }, 'a rank may get no samples')
})

t.test('an epoch continues at any sample, with another batch size and world size', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  let words = 0
  const random = (below: number): number => mix(0x1000 + words++) % below
  for (let run = 0; run < 30; run++) {
    const order = run % 3 === 0 ? '' : `&seed=${run}&epoch=2`
    const ids: number[] = []
    for (let offset = 0, remaining = 1; remaining > 0;) {
      const [size, worldSize, remainder] = [1 + random(40), 1 + random(4), ['keep', 'pad'][random(2)]]
      const query = `batch_size=${size}&world_size=${worldSize}&remainder=${remainder}&offset=${offset}${order}`
      const last = random(3)
      for (let page = 0; page <= last && remaining > 0; page++) {
        for (let rank = 0; rank < worldSize; rank++) {
          const body = (await app.inject(`${train}&${query}&rank=${rank}&page=${page}`)).json()
          t.match(body, { offset, total: 101, pages: Math.ceil((101 - offset) / (size * worldSize)) })
          ids.push(...body.ids.filter((_: number, i: number) => body.mask?.[i] !== 0))
        }
        remaining = 101 - ids.length
      }
      offset = ids.length
    }
    t.same(ids, order ? [...shuffledOrder(101, run, 2)] : Array.from({ length: 101 }, (_, i) => i), `run ${run}`)
  }
})

t.test('the metadata, Link and ETag of a page repeat its offset', async t => {
  const { app } = await appOver(t, [dataset])
  const url = `${batches}?seed=1&offset=41&batch_size=20`
  const { headers, rawPayload } = await app.inject(`${url}&page=1`)
  t.match(headers, { 'batch-offset': '41', 'batch-page': '1', 'batch-pages': '3', 'batch-total': '101' })
  const pages = Object.entries({ first: 0, prev: 0, next: 2, last: 2 })
  t.equal(headers['link'], pages.map(([rel, page]) => `<${url}&page=${page}>; rel="${rel}"`).join(', '))
  const safetensors = await app.inject(`${url}&format=safetensors`)
  t.match(readSafetensors(safetensors.rawPayload).metadata, { offset: '41', pages: '3' })
  t.match(JSON.parse(rawPayload.toString()), { offset: 41, ids: [...shuffledOrder(101, 1, 0).subarray(61, 81)] })
  const plain = await app.inject(`${batches}?seed=1&batch_size=20`)
  t.notOk('offset' in plain.json() || 'batch-offset' in plain.headers, 'none without the parameter')
  const tags = await Promise.all(['', '&offset=20', '&offset=21', '&page=1'].map(async query => {
    return (await app.inject(`${batches}?batch_size=20${query}`)).headers['etag']
  }))
  t.equal(new Set(tags).size, tags.length)
})

t.test('Link and headers repeat the shard', async t => {
  const { app } = await appOver(t, [dataset])
  const url = `${batches}?seed=1&epoch=2&rank=1&world_size=3&remainder=drop&batch_size=8`
  const { headers } = await app.inject(url)
  const pages = Object.entries({ first: 0, next: 1, last: 3 })
  t.equal(headers['link'], pages.map(([rel, page]) => `<${url}&page=${page}>; rel="${rel}"`).join(', '))
  t.match(headers, {
    'batch-seed': '1',
    'batch-epoch': '2',
    'batch-rank': '1',
    'batch-world-size': '3',
    'batch-remainder': 'drop',
    'batch-pages': '4'
  })
})

t.test('each order and shard has its own ETag', async t => {
  const { app } = await appOver(t, [dataset])
  const queries = [
    '',
    '&seed=1',
    '&seed=1&epoch=2',
    '&seed=2&epoch=1',
    '&rank=1&world_size=2',
    '&rank=0&world_size=2',
    '&seed=1&rank=0&world_size=2',
    '&remainder=pad',
    '&remainder=drop'
  ]
  const tags = await Promise.all(queries.map(async query => (await app.inject(train + query)).headers['etag']))
  t.equal(new Set(tags).size, queries.length)
})

t.test('a default that is given explicitly changes no tensor and conflicts with nothing', async t => {
  const { app } = await appOver(t, [dataset])
  const explicit = '&page=0&offset=0&epoch=0&rank=0&world_size=1&remainder=keep&layout=flat'
  const [plain, given] = [await app.inject(train), await app.inject(train + explicit)]
  t.match(given.json(), plain.json())
  t.notOk('epoch' in given.json(), 'there is no epoch in natural order')
  const samples = '/v1/datasets/made-up/splits/train/samples/3?format=png'
  const png = await app.inject(`${samples}&normalization=centered&layout=flat&epoch=0`)
  t.equal(png.statusCode, 200)
  t.same(png.rawPayload, (await app.inject(samples)).rawPayload)
  const gather = '/v1/datasets/made-up/splits/train/gather?epoch=0'
  const gathered = await app.inject({ method: 'POST', url: gather, payload: { ids: [1] } })
  t.notOk('epoch' in gathered.json() || 'seed' in gathered.json())
})

t.test('conflicting parameters are named', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[query: string, parameter: string, allowed: string]> = [
    ['epoch=1', 'epoch', 'nothing without seed or augment'],
    ['offset=102', 'offset', 'an integer from 0 to 101, the number of samples of train'],
    ['offset=-1', 'offset', 'an integer of at least 0'],
    ['rank=1', 'world_size', 'rank and world_size together, or neither'],
    ['world_size=2', 'rank', 'rank and world_size together, or neither'],
    ['rank=2&world_size=2', 'rank', 'an integer from 0 to 1'],
    ['seed=4294967296', 'seed', 'an integer from 0 to 4294967295'],
    ['seed=-1', 'seed', 'an integer from 0 to 4294967295'],
    ['rank=0&world_size=0', 'world_size', 'an integer from 1 to 65536'],
    ['remainder=wrap', 'remainder', 'one of keep, drop, pad']
  ]
  for (const [query, parameter, allowed] of cases) {
    const problem = (await app.inject(`${train}&${query}`)).json()
    t.match(problem, { status: 400, code: 'invalid_parameter', errors: [{ parameter, allowed }] }, query)
  }
})

t.test('pages beyond the last one are 404, with the number of pages', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[query: string, detail: string]> = [
    [
      'batch_size=50&page=3',
      'train has 101 samples, which at batch_size 50 make 3 pages, 0 to 2; there is no page 3'
    ],
    [
      'page=4000000',
      'train has 101 samples, which at batch_size 64 make 2 pages, 0 to 1; there is no page 4000000'
    ],
    [
      'offset=40&batch_size=50&page=2',
      'train has 101 samples, 61 of them after offset 40, which at batch_size 50 make 2 pages, 0 to 1; ' +
        'there is no page 2'
    ]
  ]
  for (const [query, detail] of cases) {
    const response = await app.inject(`${batches}?${query}`)
    t.equal(response.statusCode, 404, query)
    t.match(response.json(), {
      type: 'urn:mnist-batch-server:problem:page_out_of_range',
      status: 404,
      code: 'page_out_of_range',
      detail
    }, query)
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('after the last sample, there is no page', async t => {
  const { app } = await appOver(t, [dataset])
  for (const resource of ['batches', 'stream']) {
    t.match((await app.inject(`/v1/datasets/made-up/splits/train/${resource}?offset=101&seed=1`)).json(), {
      status: 404,
      code: 'page_out_of_range',
      pages: 0,
      detail: 'train has 101 samples, 0 of them after offset 101, which at batch_size 64 make no page at all; ' +
        'there is no page 0'
    }, resource)
  }
})

t.test('a split that does not fill a page has none', async t => {
  const { app } = await appOver(t, [dataset])
  t.match((await app.inject(`${train}&batch_size=60&rank=0&world_size=2&remainder=drop`)).json(), {
    status: 404,
    pages: 0,
    detail: 'train has 101 samples, which at batch_size 60 and world_size 2 make no page at all; there is no page 0'
  })
  const { app: other } = await appOver(t, [prepared({ train: 3, val: 0, test: 1 })])
  t.match((await other.inject('/v1/datasets/made-up/splits/val/batches')).json(), {
    status: 404,
    pages: 0,
    detail: 'val has 0 samples, which at batch_size 64 make no page at all; there is no page 0'
  })
})
