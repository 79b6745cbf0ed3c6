import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { ApiKeys } from '../../../src/http/plugins/api-keys.ts'
import { rateLimitHeaders } from '../../../src/http/plugins/rate-limit.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 5, test: 5 })
const url = '/v1/datasets/made-up/splits/train'

t.test('each address may send so many requests a minute', async t => {
  const { app } = await appOver(t, [dataset], { rateLimit: 3 })
  const send = (remoteAddress: string, path = url) => app.inject({ url: path, remoteAddress })
  for (const remaining of ['2', '1', '0']) {
    t.match(await send('192.0.2.1'), {
      statusCode: 200,
      headers: {
        'ratelimit-policy': '"default";q=3;w=60',
        ratelimit: `"default";r=${remaining};t=60`,
        'ratelimit-limit': '3',
        'ratelimit-remaining': remaining,
        'ratelimit-reset': '60'
      }
    })
  }
  const rejected = await send('192.0.2.1')
  t.match(rejected.json(), { status: 429, code: 'rate_limited', detail: 'more than 3 requests in a minute' })
  t.match(rejected.headers, { 'retry-after': '60', 'ratelimit-remaining': '0' })
  t.equal((await send('192.0.2.1', '/nowhere')).statusCode, 429, 'whatever they ask for')
  t.equal((await send('192.0.2.2')).statusCode, 200, 'others are not affected')
  t.equal((await send('192.0.2.1', '/readyz')).statusCode, 200, 'probes are not counted')
})

t.test('a client of IPv6 has one allowance for its /64, and one of IPv4 for every form of its address', async t => {
  const { app } = await appOver(t, [dataset], { rateLimit: 2, trustedProxies: ['127.0.0.1'] })
  const send = async (address: string): Promise<number> => {
    return (await app.inject({ url, headers: { 'x-forwarded-for': address } })).statusCode
  }
  const addresses = ['2001:db8::1', '2001:DB8:0:0:ffff::2', '2001:db8::3', '2001:db8:0:1::1']
  t.same(await Promise.all(addresses.map(send)), [200, 200, 429, 200])
  const forms = ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '192.0.2.2']
  t.same(await Promise.all(forms.map(send)), [200, 200, 429, 200])
})

t.test('a clock that jumps changes no allowance', async t => {
  const { app } = await appOver(t, [dataset], { rateLimit: 1 })
  t.equal((await app.inject(url)).statusCode, 200)
  const now = Date.now()
  t.intercept(Date, 'now', { value: () => now - 3_600_000 })
  t.match((await app.inject(url)).headers, { 'retry-after': '60', ratelimit: '"default";r=0;t=60' })
})

t.test('keys are counted instead of addresses, and so are attempts without a valid one', async t => {
  const lines = ['a', 'b'].map(name => `${name}:${createHash('sha256').update(`key-of-${name}`).digest('hex')}`)
  const folder = t.testdir({ keys: lines.join('\n') })
  const { app } = await appOver(t, [dataset], { rateLimit: 2 }, await ApiKeys.read(join(folder, 'keys')))
  const statuses: number[] = []
  for (const key of ['of-a', 'of-a', 'of-a', 'of-b', 'x', 'y', 'z']) {
    const headers = { authorization: `Bearer key-${key}` }
    statuses.push((await app.inject({ url, headers })).statusCode)
  }
  t.same(statuses, [200, 200, 429, 200, 401, 401, 429])
})

t.test('a client that ignores rejections gets them one by one, and delays nobody else', async t => {
  const { app } = await appOver(t, [dataset], { rateLimit: 1 })
  const send = (remoteAddress: string) => app.inject({ url, remoteAddress })
  t.equal((await send('192.0.2.1')).statusCode, 200)
  const order: string[] = []
  const started = performance.now()
  const rejections = Array.from({ length: 20 }, async () => {
    t.equal((await send('192.0.2.1')).statusCode, 429)
    order.push('rejected')
  })
  const other = send('192.0.2.2').then(({ statusCode }) => order.push(String(statusCode)))
  await Promise.all([...rejections, other])
  // The first one is not held back. Timers may fire up to a millisecond early.
  t.ok(performance.now() - started >= 19 * 9)
  t.ok(order.indexOf('200') < 19, 'the other one was answered before the last of them')
})

t.test('without a limit, there are no headers of one', async t => {
  const { app } = await appOver(t, [dataset])
  t.notHas((await app.inject(url)).headers, { 'ratelimit-limit': '0' })
})

t.test('the OpenAPI document has them for every response of a route that counts requests', async t => {
  interface Operation { readonly responses: Record<string, { readonly headers?: object }> }
  const { app } = await appOver(t, [dataset])
  await app.ready()
  const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, Operation>> }
  const isPublic = new Set(['/', '/healthz', '/readyz'])
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(operations)) {
      for (const [status, { headers = {} }] of Object.entries(responses)) {
        const names = Object.keys(headers).map(name => name.toLowerCase())
        const listed = names.filter(name => rateLimitHeaders.includes(name))
        t.same(listed, isPublic.has(path) ? [] : rateLimitHeaders, `${method} ${path} ${status}`)
      }
    }
  }
})
