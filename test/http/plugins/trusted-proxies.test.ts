import { once } from 'node:events'
import { get } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { listen } from '../../../src/http/server/listen.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { socketFolder } from '../../fixtures/socket-folder.ts'

const dataset = prepared({ train: 30, val: 5, test: 5 })
const proxies = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']

const cases: Array<[peer: string, headers: Record<string, string>, client: string, why: string]> = [
  ['203.0.113.9', { 'x-forwarded-for': '198.51.100.1' }, '203.0.113.9', 'the peer is no trusted proxy'],
  ['203.0.113.9', { forwarded: 'for=198.51.100.1' }, '203.0.113.9', 'the peer is no trusted proxy'],
  ['192.0.2.7', {}, '192.0.2.7', 'the proxy tells nothing'],
  ['192.0.2.7', { 'x-forwarded-for': '198.51.100.1' }, '198.51.100.1', 'a trusted address'],
  ['10.9.9.9', { 'x-forwarded-for': '198.51.100.1, 10.1.1.1' }, '198.51.100.1', 'two trusted proxies'],
  ['10.9.9.9', { 'x-forwarded-for': '1.1.1.1, 198.51.100.1, 10.1.1.1' }, '198.51.100.1', 'the client made one up'],
  ['::ffff:10.9.9.9', { 'x-forwarded-for': '198.51.100.1' }, '198.51.100.1', 'IPv4 on a socket for both families'],
  ['2001:db8::5', { 'x-forwarded-for': '2001:DB9::1' }, '2001:db9::1', 'IPv6'],
  ['10.0.0.1', { 'x-forwarded-for': '198.51.100.1:4711' }, '198.51.100.1', 'with a port'],
  ['10.0.0.1', { 'x-forwarded-for': '198.51.100.1, unknown' }, '10.0.0.1', 'no address'],
  ['10.0.0.1', { forwarded: 'for=198.51.100.1;proto=https' }, '198.51.100.1', 'RFC 7239'],
  ['10.0.0.1', { forwarded: 'proto=https; For="[2001:db9::1]:4711"; host="a,b"' }, '2001:db9::1', 'quoted IPv6'],
  ['10.0.0.1', { forwarded: 'for=1.1.1.1, for=198.51.100.1, for="10.1.1.1:80"' }, '198.51.100.1', 'a chain'],
  ['10.0.0.1', { forwarded: 'for=_hidden' }, '10.0.0.1', 'an obfuscated client'],
  ['10.0.0.1', { forwarded: 'for=198.51.100.1, for="10.1.1.1' }, '10.0.0.1', 'a quote without its end'],
  ['10.0.0.1', { 'x-forwarded-for': `198.51.100.1${', 10.1.1.1'.repeat(32)}` }, '10.1.1.1', 'too many hops'],
  ['10.0.0.1', { 'x-forwarded-for': `198.51.100.1${', 10.1.1.1'.repeat(31)}` }, '198.51.100.1', 'many hops'],
  ['10.0.0.1', { forwarded: `for=198.51.100.1${', for=10.1.1.1'.repeat(32)}` }, '10.1.1.1', 'too many hops'],
  ['10.0.0.1', { forwarded: 'for=198.51.100.1, proto=http' }, '10.0.0.1', 'the last proxy hides the client'],
  ['10.0.0.1', { forwarded: 'for=198.51.100.1', 'x-forwarded-for': '198.51.100.1' }, '198.51.100.1', 'both agree'],
  ['10.0.0.1', { forwarded: 'for=1.1.1.1', 'x-forwarded-for': '198.51.100.1' }, '10.0.0.1', 'both disagree']
]

// Probes are not counted by the limit.
const shared = await appOver(t, [dataset], { trustedProxies: proxies, rateLimit: 1 })

t.test('trusted proxies tell the address of the client, and nobody else does', async t => {
  const { app, log } = shared
  for (const [remoteAddress, headers, client, why] of cases) {
    await app.inject({ url: '/healthz', remoteAddress, headers })
    t.match(log.at(-1), { msg: 'request', client }, `${why}: ${JSON.stringify(headers)}`)
  }
})

t.test('a header of many quotes is read in linear time', async t => {
  const { app, log } = shared
  // In quadratic time, this would take minutes.
  for (const forwarded of ['for="' + '\\"'.repeat(500_000), '\\"'.repeat(500_000) + '\\', '"'.repeat(999_999)]) {
    await app.inject({ url: '/healthz', remoteAddress: '10.0.0.1', headers: { forwarded } })
    t.match(log.at(-1), { client: '10.0.0.1' })
  }
})

t.test('without trusted proxies, the client is the peer', async t => {
  const { app, log } = await appOver(t, [dataset])
  const headers = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=198.51.100.1' }
  await app.inject({ url: '/healthz', remoteAddress: '::ffff:192.0.2.7', headers })
  t.match(log.at(-1), { client: '192.0.2.7' })
})

t.test('limits count the clients of a proxy one by one', async t => {
  const { app } = shared
  const send = async (client: string) => {
    const headers = { 'x-forwarded-for': client }
    return (await app.inject({ url: '/v1/datasets', remoteAddress: '10.0.0.1', headers })).statusCode
  }
  t.same([await send('198.51.100.1'), await send('198.51.100.2'), await send('198.51.100.1')], [200, 200, 429])
})

t.test('the peers of a Unix socket are trusted if asked for', async t => {
  const folder = socketFolder(t)
  const headers = { 'x-forwarded-for': '198.51.100.1' }
  for (const [trustedProxies, client] of [[['unix'], '198.51.100.1'], [proxies, undefined]] as const) {
    const { app, log } = await appOver(t, [dataset], { trustedProxies })
    const socketPath = join(folder, client ? 'trusted' : 'untrusted')
    await listen(app, { host: `unix:${socketPath}`, port: 0 })
    const request = get({ socketPath, path: '/healthz', headers })
    const [response] = await once(request, 'response')
    await once(response.resume(), 'end')
    await app.close()
    t.equal((log.find(({ msg }) => msg === 'request') as { client?: string }).client, client)
  }
})
