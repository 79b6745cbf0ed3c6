import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { LINGER_MS } from '../../../src/http/server/drain.ts'
import { listen, listenAt } from '../../../src/http/server/listen.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 40, val: 1, test: 1 })

async function start (t: Test, shutdownDelayMs: number, addresses = ['127.0.0.1']) {
  const { app, log } = await appOver(t, [dataset], { shutdownDelayMs })
  await listenAt(app, addresses, 0)
  return { app, log, port: (app.server.address() as AddressInfo).port }
}

async function request (port: number, path: string, host = '127.0.0.1', agent?: Agent) {
  const [response] = await once(get({ port, host, path, agent }), 'response') as [IncomingMessage]
  return { status: response.statusCode, connection: response.headers.connection, body: await text(response) }
}

const page = '/v1/datasets/made-up/splits/train/batches?batch_size=8'

t.test('a server that is about to stop says so, and still serves', async t => {
  const { app, port } = await start(t, 1000)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  t.match(await request(port, page, undefined, agent), { status: 200, connection: 'keep-alive' })
  const closed = app.close()
  t.match(await request(port, page, undefined, agent), { status: 200, connection: 'close' }, 'an open connection')
  t.match(await request(port, page), { status: 200, connection: 'close' }, 'a new connection')
  t.match(await request(port, '/readyz'), { status: 503, connection: 'close' })
  t.match(await request(port, '/healthz'), { status: 200 }, 'it is alive')
  await closed
  await t.rejects(request(port, page), { code: 'ECONNREFUSED' })
})

t.test('all addresses are one server', async t => {
  const { app, log, port } = await start(t, 1000, ['127.0.0.1', '::1'])
  const hasIPv6 = !log.some(({ msg }) => msg.startsWith('not listening on ::1'))
  const addresses = hasIPv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']
  const agents = new Map(addresses.map(address => [address, new Agent({ keepAlive: true })]))
  t.teardown(() => { for (const agent of agents.values()) agent.destroy() })
  for (const [address, agent] of agents) {
    t.match(await request(port, page, address, agent), { status: 200, connection: 'keep-alive' }, address)
  }
  const closed = app.close()
  for (const [address, agent] of agents) {
    t.match(await request(port, page, address, agent), { status: 200, connection: 'close' }, address)
  }
  await closed
  for (const address of addresses) await t.rejects(request(port, page, address), { code: 'ECONNREFUSED' }, address)
})

t.test('localhost is listened on', async t => {
  const { app } = await appOver(t, [dataset])
  await listen(app, { host: 'localhost', port: 0 })
  const { port } = app.server.address() as AddressInfo
  t.match(await request(port, page, 'localhost'), { status: 200 })
})

t.test('a client that has sent its last request as the server stops gets its response', async t => {
  const { app, port } = await start(t, 0)
  const socket = connect({ port, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.write(`GET ${page} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  socket.end()
  const closed = app.close()
  // Interim responses probe whether the client is still there.
  t.match(await text(socket), /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)*HTTP\/1\.1 200 OK\r\n/)
  await closed
})

t.test('connections without a whole request do not delay the end', async t => {
  const { app, port } = await start(t, 0)
  const sockets = ['', `GET ${page} HTT`].map(text => {
    const socket = connect(port)
    socket.write(text)
    return socket.on('error', () => {})
  })
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  const started = performance.now()
  await app.close()
  t.ok(performance.now() - started < LINGER_MS)
})
