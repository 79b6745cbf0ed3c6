import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { StepTimes } from '../../../src/http/metrics/server-timing.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 4000, val: 10, test: 5 }, { rows: 28, columns: 28 })
const split = '/v1/datasets/made-up/splits/train'

/** The entries of a Server-Timing header: name → milliseconds. */
function parse (header: unknown): Record<string, number> {
  return Object.fromEntries(String(header).split(', ').map(entry => {
    const [, name, ms] = /^([a-z]+);dur=(\d+(?:\.\d+)?)$/.exec(entry) ?? []
    if (name === undefined) throw new Error(`not an entry: '${entry}'`)
    return [name, Number(ms)]
  }))
}

t.test('every response has its total time', async t => {
  const { app } = await appOver(t, [dataset])
  const { etag } = (await app.inject(split)).headers
  const requests: Array<[status: number, request: object]> = [
    [200, { url: `${split}/batches` }],
    [200, { url: `${split}/batches`, method: 'HEAD' }],
    [200, { url: `${split}/stream?batch_size=64&page=62` }],
    [200, { url: `${split}/gather`, method: 'POST', payload: { ids: [1] } }],
    [304, { url: split, headers: { 'if-none-match': etag } }],
    [400, { url: `${split}?colour=red` }],
    [404, { url: '/nowhere' }],
    [204, {
      url: split,
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'GET' }
    }],
    [200, { url: '/healthz' }],
    [200, { url: '/openapi.json' }],
    [200, { url: '/docs/' }],
    [200, { url: '/docs/static/index.css' }]
  ]
  for (const [status, request] of requests) {
    const { statusCode, headers } = await app.inject(request)
    t.equal(statusCode, status)
    t.ok(parse(headers['server-timing'])['total']! >= 0, JSON.stringify(request))
  }
})

t.test('the steps of a batch are named, and together take no longer than the total', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[query: string, headers: Record<string, string>, steps: string[]]> = [
    ['seed=1&batch_size=64&format=npz', {}, ['order', 'encode']],
    ['augment=elastic:34&batch_size=64&format=npz', {}, ['augment', 'encode']],
    ['normalization=raw&batch_size=64', { 'accept-encoding': 'gzip' }, ['compress']],
    ['seed=2&batch_size=64', { 'accept-encoding': 'gzip' }, ['order', 'compress']]
  ]
  for (const [query, headers, steps] of cases) {
    const { total, ...found } = parse((await app.inject({ url: `${split}/batches?${query}`, headers }))
      .headers['server-timing'])
    for (const step of steps) t.ok(found[step]! > 0, `${query}: ${step}`)
    // Each is rounded to 0.01 ms.
    const sum = Object.values(found).reduce((sum, ms) => sum + ms, 0)
    t.ok(sum <= total! + 0.05, `${query}: ${sum} of ${total}`)
  }
})

t.test('a request that waits for memory tells how long', async t => {
  const { app } = await appOver(t, [dataset])
  const bytes = 1 << 30
  const other = { client: 'another', connection: {} }
  const permit = await app.limits.workQueue.acquire(bytes, other, new AbortController().signal)
  const response = app.inject(`${split}/batches?augment=noise:1&batch_size=2`)
  while (app.limits.workQueue.queued === 0) await delay(1)
  permit.release()
  t.ok(parse((await response).headers['server-timing'])['queue']! > 0)
})

t.test('times of the same step are added, and short ones left out', async t => {
  const times = new StepTimes()
  times.add('encode', performance.now() - 20)
  times.add('encode', performance.now() - 20)
  times.add('order', performance.now() + 1000)
  const [encode, ...others] = String(times).split(', ')
  t.same(others, [''])
  t.ok(parse(encode)['encode']! >= 40)
})

t.test('a step that fails has a time, and its error', async t => {
  const times = new StepTimes()
  const fail = async () => {
    while (performance.now() - start < 1);
    throw new Error('no')
  }
  const start = performance.now()
  await t.rejects(times.measure('augment', fail), /no/)
  t.ok(parse(String(times).replace(', ', ''))['augment']! > 0)
  t.equal(times.measure('order', () => 3), 3)
})

t.test('scripts of the configured origins may read the times', async t => {
  const headersFor = async (corsOrigins: string[]) => {
    const { app } = await appOver(t, [dataset], { corsOrigins })
    return (await app.inject({ url: split, headers: { origin: 'https://a.example' } })).headers
  }
  const anyone = await headersFor(['*'])
  t.equal(anyone['timing-allow-origin'], '*')
  t.match(anyone['access-control-expose-headers'], /(^|, )server-timing(,|$)/)
  const some = await headersFor(['https://a.example', 'https://b.example'])
  t.equal(some['timing-allow-origin'], 'https://a.example, https://b.example')
  t.notOk('timing-allow-origin' in await headersFor([]))
})
