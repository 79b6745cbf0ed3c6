import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 101, val: 20, test: 1 })
const version = dataset.version
const train = '/v1/datasets/made-up/splits/train/batches'

t.test('a batch is described in the body and in headers', async t => {
  const { app } = await appOver(t, [dataset])
  const response = await app.inject(`${train}?page=2&batch_size=40&layout=nhwc`)
  const { ids, images, labels, ...rest } = response.json()
  t.same(rest, {
    dataset: 'made-up',
    version,
    split: 'train',
    page: 2,
    batch_size: 40,
    count: 21,
    total: 101,
    pages: 3,
    shape: [21, 4, 3, 1],
    dtype: 'float32',
    normalization: 'centered',
    layout: 'nhwc'
  })
  t.same([ids.length, images.length, labels.length], [21, 21, 21], 'the last page is short')
  t.match(response.headers, {
    'batch-dataset': 'made-up',
    'batch-version': version,
    'batch-split': 'train',
    'batch-page': '2',
    'batch-size': '40',
    'batch-count': '21',
    'batch-total': '101',
    'batch-pages': '3',
    'batch-shape': '21,4,3,1',
    'batch-dtype': 'float32',
    'batch-normalization': 'centered',
    'batch-layout': 'nhwc'
  })
})

t.test('defaults: page 0, 128 samples or the limit, centered, one-hot, flat, JSON', async t => {
  const { app } = await appOver(t, [dataset])
  t.match((await app.inject(train)).json(), {
    page: 0, batch_size: 64, normalization: 'centered', layout: 'flat', shape: [64, 12]
  })
  const { app: unlimited } = await appOver(t, [dataset], { maxBatchSize: 4096 })
  t.match((await unlimited.inject(train)).json(), { batch_size: 128, count: 101 })
})

t.test('shuffled images are those of the natural order, in every normalization', async t => {
  const { app } = await appOver(t, [dataset])
  for (const normalization of ['centered', 'unit', 'standard', 'raw']) {
    const url = `${train}?normalization=${normalization}&labels=onehot&batch_size=60`
    const pages = [await app.inject(url), await app.inject(`${url}&page=1`)]
    const natural = pages.flatMap(page => page.json().images)
    const shuffled = (await app.inject(`${url}&seed=3`)).json()
    t.same(shuffled.images, shuffled.ids.map((id: number) => natural[id]), normalization)
  }
})

t.test('Link points to the neighbouring pages and repeats every parameter', async t => {
  const { app } = await appOver(t, [dataset])
  const getLink = async (url: string) => (await app.inject(url)).headers['link']
  const page = (number: number) => `${train}?batch_size=50&labels=index&page=${number}&version=${version}`
  const cases: Array<[url: string, links: Record<string, string>]> = [
    [page(0), { first: page(0), next: page(1), last: page(2) }],
    [page(1), { first: page(0), prev: page(0), next: page(2), last: page(2) }],
    [page(2), { first: page(0), prev: page(1), last: page(2) }],
    [train, { first: `${train}?page=0`, next: `${train}?page=1`, last: `${train}?page=1` }],
    [`${train}?batch_size=64&page=1`, {
      first: `${train}?batch_size=64&page=0`,
      prev: `${train}?batch_size=64&page=0`,
      last: `${train}?batch_size=64&page=1`
    }]
  ]
  for (const [url, links] of cases) {
    const expected = Object.entries(links).map(([rel, target]) => `<${target}>; rel="${rel}"`)
    t.equal(await getLink(url), expected.join(', '), url)
  }
})

t.test('the format is negotiated', async t => {
  const { app } = await appOver(t, [dataset])
  const getMediaType = async (accept: string | undefined, query = '') => {
    const headers = accept === undefined ? {} : { accept }
    return (await app.inject({ url: `${train}${query}`, headers })).headers['content-type']
  }
  const browser = 'text/html,application/xhtml+xml,*/*;q=0.8'
  t.equal(await getMediaType(undefined), 'application/json')
  t.equal(await getMediaType('*/*'), 'application/json')
  t.equal(await getMediaType(browser), 'application/json', 'a browser gets JSON')
  t.equal(await getMediaType('application/x-npz'), 'application/x-npz')
  t.equal(await getMediaType('application/json;q=0.5, application/vnd.safetensors'), 'application/vnd.safetensors')
  t.equal(await getMediaType('application/json', '?format=npz'), 'application/x-npz', 'format= overrides Accept')
  const json = ['application/json; charset=utf-8', 'application/json;charset="a,b;q=0"', 'APPLICATION/JSON;v=1']
  for (const accept of ['', ' ', ',', ...json]) t.equal(await getMediaType(accept), 'application/json', accept)
  const weighted = 'application/json; v=1; q=0.5, application/x-npz; x="a,b"; q=0.9; ext=1, text/csv'
  t.equal(await getMediaType(weighted), 'application/x-npz', 'weights still count')
  for (const accept of ['text/csv', 'application/json; v=1; q=0', 'garbage', 'application/json;q=0']) {
    const response = await app.inject({ url: train, headers: { accept } })
    t.equal(response.statusCode, 406)
    t.match(response.json(), {
      code: 'not_acceptable',
      available: [{ format: 'json' }, { format: 'npz' }, { format: 'safetensors' }, { format: 'arrow' }]
    }, accept)
  }
})

t.test('batches are revalidated by a strong ETag, or immutable if the version is given', async t => {
  const { app } = await appOver(t, [dataset])
  const plain = await app.inject(train)
  t.equal(plain.headers['cache-control'], 'no-cache')
  t.equal(plain.headers['vary'], 'Accept, Accept-Encoding')
  const etag = plain.headers['etag'] as string
  t.match(etag, /^"[\x21\x23-\x7e]+"$/, 'the tag is strong')
  const pinned = await app.inject(`${train}?version=${version}`)
  t.equal(pinned.headers['cache-control'], 'public, max-age=31536000, immutable')
  t.equal(pinned.headers['etag'], etag, 'the same bytes have the same tag')

  const queries = [
    'page=1',
    'batch_size=63',
    'normalization=unit',
    'dtype=float16',
    'labels=index',
    'layout=nhwc',
    'format=npz',
    'format=safetensors',
    'format=arrow'
  ]
  const tags = await Promise.all(queries.map(async query => (await app.inject(`${train}?${query}`)).headers['etag']))
  t.equal(new Set([etag, ...tags]).size, 1 + queries.length, 'every representation has its own tag')

  for (const condition of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
    const response = await app.inject({ url: train, headers: { 'if-none-match': condition } })
    t.equal(response.statusCode, 304, condition)
    t.equal(response.rawPayload.length, 0)
    t.equal(response.headers['etag'], etag)
    t.equal(response.headers['content-length'], undefined)
  }
  t.equal((await app.inject({ url: train, headers: { 'if-none-match': tags[0] as string } })).statusCode, 200)
})

t.test('HEAD has the headers of GET', async t => {
  const { app } = await appOver(t, [dataset])
  for (const format of ['json', 'npz', 'safetensors', 'arrow']) {
    const url = `${train}?format=${format}`
    const [get, head] = [await app.inject(url), await app.inject({ method: 'HEAD', url })]
    t.equal(head.statusCode, 200)
    t.equal(head.rawPayload.length, 0)
    t.equal(Number(head.headers['content-length']), get.rawPayload.length, format)
    t.equal(head.headers['etag'], get.headers['etag'])
  }
})
