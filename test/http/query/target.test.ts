import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })
const slow = prepared({ train: 3, val: 1, test: 1 }, { name: 'slow' })
const broken = prepared({ train: 1, val: 1, test: 1 }, { name: 'broken' })
const train = '/v1/datasets/made-up/splits/train/batches'

t.test('resources of loading and failed datasets are 503, while those of others are served', async t => {
  const { app, registry } = await appOver(t, [dataset, slow, broken])
  registry.progress(slow.entry, { stage: 'acquire', item: 'train-images-idx3-ubyte', done: 10, total: 40 })
  const nextAttempt = Date.now() + 60_000
  registry.fail(broken.entry, 'no source has it', nextAttempt)
  for (const resource of ['', '/mean', '/splits/train', '/splits/train/batches', '/splits/train/samples/0']) {
    t.equal((await app.inject(`/v1/datasets/made-up${resource}`)).statusCode, 200, `made-up${resource} is served`)

    const loading = await app.inject(`/v1/datasets/slow${resource}`)
    t.equal(loading.statusCode, 503)
    t.equal(loading.headers['retry-after'], '1')
    t.match(loading.json(), {
      code: 'dataset_loading',
      detail: 'slow is still being prepared',
      progress: { item: 'train-images-idx3-ubyte', done: 10, total: 40 }
    })

    const failed = await app.inject(`/v1/datasets/broken${resource}`)
    t.equal(failed.statusCode, 503)
    const retryAfter = Number(failed.headers['retry-after'])
    t.ok(retryAfter > 30 && retryAfter <= 60, `${retryAfter} s until the next attempt`)
    t.match(failed.json(), {
      code: 'dataset_failed',
      detail: 'broken could not be prepared: no source has it',
      attempts: 1,
      next_attempt: new Date(nextAttempt).toISOString()
    })
  }
  registry.start(broken.entry)
  const retrying = await app.inject('/v1/datasets/broken')
  t.same([retrying.statusCode, retrying.headers['retry-after']], [503, '1'], 'an attempt may end at any time')
})

t.test('unknown datasets, splits and versions are 404, with the existing ones', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[url: string, code: string, detail: string]> = [
    [
      '/v1/datasets/cifar/splits/train/batches',
      'unknown_dataset',
      "there is no dataset 'cifar'; there are: made-up"
    ],
    [
      '/v1/datasets/made-up/splits/dev/batches',
      'unknown_split',
      "there is no split 'dev'; there are: train, val, test"
    ],
    [
      '/v1/datasets/made-up/splits/..%2f../batches',
      'unknown_split',
      "there is no split '../..'; there are: train, val, test"
    ],
    [
      '/v1/datasets/made-up/splits/constructor/batches',
      'unknown_split',
      "there is no split 'constructor'; there are: train, val, test"
    ],
    [
      `${train}?version=0`,
      'unknown_version',
      `made-up has no version '0'; the current one is ${dataset.version}`
    ]
  ]
  for (const [url, code, detail] of cases) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 404, url)
    t.match(response.json(), { type: `urn:mnist-batch-server:problem:${code}`, status: 404, code, detail }, url)
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('dot segments in a path are ordinary names', async t => {
  const { app } = await appOver(t, [dataset])
  const { port } = new URL(await app.listen({ port: 0 }))
  // Unlike fetch, this does not normalize the path.
  const get = async (path: string) => {
    const [response] = await once(request({ port, path, agent: false }).end(), 'response') as [IncomingMessage]
    return JSON.parse(Buffer.concat(await response.toArray()).toString())
  }
  t.match(await get('/v1/datasets/%2e%2e/splits/train/batches'), {
    status: 404,
    code: 'unknown_dataset',
    detail: "there is no dataset '..'; there are: made-up"
  })
  t.match(await get('/v1/datasets/made-up/splits/%2e%2e/batches'), {
    status: 404,
    code: 'unknown_split',
    detail: "there is no split '..'; there are: train, val, test"
  })
  t.match(await get('/v1/datasets/../../etc/passwd'), { status: 404, code: 'unknown_route' })
  t.match(await get('/v1/datasets/%zz'), { status: 400, code: 'bad_request' })
})
