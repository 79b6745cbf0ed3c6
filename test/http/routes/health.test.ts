import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })
const slow = prepared({ train: 3, val: 1, test: 1 }, { name: 'slow' })
const broken = prepared({ train: 1, val: 1, test: 1 }, { name: 'broken' })

t.test('ready once no dataset is loading and at least one can be served', async t => {
  const { app, registry } = await appOver(t, [dataset, slow, broken])
  registry.progress(slow.entry, { stage: 'acquire', item: 'train-images-idx3-ubyte', done: 10, total: 40 })
  const nextAttempt = Date.now() + 60_000
  registry.fail(broken.entry, 'no source has it', nextAttempt)
  const getReadiness = async () => {
    const { statusCode, headers, body } = await app.inject('/readyz')
    return { statusCode, retryAfter: headers['retry-after'], body: JSON.parse(body) }
  }
  const loading = await getReadiness()
  t.equal(loading.statusCode, 503)
  t.equal(loading.retryAfter, '1')
  t.match(loading.body, {
    status: 'loading',
    datasets: [
      { name: 'made-up', status: 'ready' },
      { status: 'loading', progress: { done: 10 } },
      { status: 'failed', reason: 'no source has it', attempts: 1, next_attempt: new Date(nextAttempt).toISOString() }
    ]
  })

  registry.ready(slow)
  const ready = await getReadiness()
  t.match(ready, { statusCode: 200, body: { status: 'ready' } }, 'despite the failed dataset')

  registry.start(broken.entry)
  const progress = { stage: 'acquire', item: 'x', done: 1, total: 2 } as const
  registry.progress(broken.entry, progress)
  const retrying = await getReadiness()
  t.match(retrying, { statusCode: 200, body: { status: 'ready' } }, 'a retry does not make the service unready')
  t.same(retrying.body.datasets[2], {
    name: 'broken', status: 'failed', reason: 'no source has it', attempts: 1, progress
  })
  registry.fail(broken.entry, 'no source has it', nextAttempt)

  registry.fail(slow.entry, 'x', Date.now() + 600_000)
  registry.fail(dataset.entry, 'y', Date.now() + 600_000)
  const failed = await getReadiness()
  t.match(failed, { statusCode: 503, body: { status: 'failed' } })
  t.ok(Number(failed.retryAfter) > 30 && Number(failed.retryAfter) <= 60, 'until the first of the next attempts')
  t.same((await app.inject('/healthz')).json(), { status: 'ok' }, 'alive all the same')
})

t.test('probes succeed whatever their query is', async t => {
  const { app } = await appOver(t, [dataset])
  const urls = ['/healthz?ts=1', '/readyz?verbose', '/metrics?x=1', '/?x=1', '/readyz?a=1&a=2&__proto__=3', '/?%']
  for (const url of urls) {
    t.equal((await app.inject(url)).statusCode, 200, url)
    t.equal((await app.inject({ url, method: 'HEAD' })).statusCode, 200, `HEAD ${url}`)
  }
})

t.test('Retry-After does not depend on the clock, which may be set', async t => {
  const { app, registry } = await appOver(t, [dataset])
  registry.fail(dataset.entry, 'no source has it', Date.now() + 60_000)
  const now = Date.now()
  t.intercept(Date, 'now', { value: () => now - 3_600_000 })
  for (const url of ['/readyz', `/v1/datasets/${dataset.entry.name}`]) {
    t.match(await app.inject(url), { statusCode: 503, headers: { 'retry-after': '60' } }, url)
  }
})
