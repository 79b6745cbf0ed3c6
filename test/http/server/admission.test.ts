import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { json } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { HttpConfig } from '../../../src/app.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 5, test: 5 })
const url = '/v1/datasets/made-up'

async function listen (t: Test, config: Partial<HttpConfig>) {
  const { app, log } = await appOver(t, [dataset], config)
  const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  /** Opens connections that send nothing, until the server has accepted them. */
  const hold = async (count: number): Promise<Socket[]> => {
    const accepted = new Promise<void>(resolve => {
      let left = count
      app.server.on('connection', () => { if (--left === 0) resolve() })
    })
    const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}))
    t.teardown(() => sockets.forEach(socket => socket.destroy()))
    await accepted
    return sockets
  }
  const send = async (path: string, localAddress = '127.0.0.1') => {
    const request = get({ host: '127.0.0.1', port, path, agent: false, localAddress })
    const [response] = await once(request, 'response') as [IncomingMessage]
    return { status: response.statusCode, headers: response.headers, body: await json(response) }
  }
  const refused = (): object[] => log.filter(({ msg }) => msg.startsWith('connections refused'))
  return { app, hold, send, refused }
}

t.test('beyond the limit, probes are answered, and everything else is a 503 that is counted and logged', async t => {
  const { app, hold, send, refused } = await listen(t, { maxConnections: 3 })
  const sockets = await hold(3)
  for (const path of ['/healthz', '/readyz']) {
    t.match(await send(path), { status: 200, headers: { connection: 'close' } })
  }
  t.match(app.metrics.refused, { total: 0, address: 0 })
  t.same(refused(), [])
  for (const path of [url, '/nowhere', '/']) {
    t.match(await send(path), {
      status: 503,
      headers: { connection: 'close', 'retry-after': '1', 'access-control-allow-origin': '*' },
      body: { code: 'overloaded', detail: 'the server has 3 open connections, and accepts no more' }
    })
  }
  while (app.metrics.refused.total < 3) await nextTurn()
  t.match(refused(), [{ level: 40, refused: 1, open: 3, client: '127.0.0.1' }], 'one line for all of them')
  sockets[0]!.destroy()
  const { server } = app
  const count = (): Promise<number> => new Promise(resolve => server.getConnections((_error, count) => resolve(count)))
  while (await count() > 2) await nextTurn()
  t.equal((await send(url)).status, 200, 'a connection that closes makes room')
})

t.test('probes get in beside any number of connections that send nothing', async t => {
  const { app, hold, send } = await listen(t, { maxConnections: 3 })
  await hold(400)
  t.equal((await send('/readyz')).status, 200)
  t.ok(app.metrics.refused.total > 250, `${app.metrics.refused.total} are refused`)
})

t.test('an address may have a share of the connections', async t => {
  const { app, hold, send } = await listen(t, { maxConnectionsPerAddress: 2 })
  await hold(2)
  t.match(await send(url), { status: 503, body: { detail: 'an address may have 2 open connections' } })
  t.equal((await send('/readyz')).status, 200)
  if (process.platform === 'linux') t.equal((await send(url, '127.0.0.2')).status, 200, 'others may have theirs')
  while (app.metrics.refused.address === 0) await nextTurn()
  t.same(app.metrics.refused, { total: 0, address: 1 })
})

t.test('a trusted proxy may have all connections', async t => {
  const { hold, send } = await listen(t, { maxConnectionsPerAddress: 2, trustedProxies: ['127.0.0.1'] })
  await hold(5)
  t.equal((await send(url)).status, 200)
})
