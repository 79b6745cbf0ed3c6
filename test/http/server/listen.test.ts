import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Agent, get, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, get as getSecurely } from 'node:https'
import { Server, connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectSecurely } from 'node:tls'
import t, { type Test } from 'tap'
import { LINGER_MS } from '../../../src/http/server/drain.ts'
import { listen, listenAt, resolveHost } from '../../../src/http/server/listen.ts'
import { readCertificate } from '../../../src/http/server/certificate.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { root } from '../../fixtures/root.ts'
import { socketFolder } from '../../fixtures/socket-folder.ts'

const dataset = prepared({ train: 4000, val: 1, test: 1 }, { rows: 28, columns: 28 })
const large = '/v1/datasets/made-up/splits/train/batches?batch_size=4000&format=safetensors'

const pem = (name: string): string => new URL(`test/fixtures/certificates/${name}.pem`, root).pathname
const files = (name: string) => ({ cert: pem(name), key: pem(`${name}-key`) })
const ca = ['first', 'second'].map(name => readFileSync(pem(name)))

async function startSecurely (t: Test, shutdownDelayMs = 0) {
  const certificate = await readCertificate(files('first'))
  const config = { shutdownDelayMs, maxBatchSize: 4000 }
  const { app, log } = await appOver(t, [dataset], config, undefined, { certificate })
  await listen(app, { host: '127.0.0.1', port: 0 })
  return { app, log, port: (app.server.address() as AddressInfo).port }
}

async function request (options: object, secure: boolean) {
  const send = secure ? getSecurely : get
  const [response] = await once(send({ ...options, ca }), 'response') as [IncomingMessage]
  return response
}

t.test('HTTPS is drained: responses in flight arrive, connections close, handshakes do not delay it', async t => {
  const { app, log, port } = await startSecurely(t, 300)
  t.ok(log.some(({ msg }) => msg === `listening on https://127.0.0.1:${port}`))
  const agent = new HttpsAgent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const options = { port, host: 'localhost', agent, path: '/readyz' }
  const first = await request(options, true)
  t.match([first.statusCode, first.headers.connection], [200, 'keep-alive'])
  await text(first)
  const response = await request({ ...options, path: large }, true)
  // No handshake ever follows.
  const silent = connect(port)
  silent.on('error', () => {})
  await once(silent, 'connect')
  const started = performance.now()
  const closed = app.close()
  const last = await request({ ...options, agent: false }, true)
  t.match([last.statusCode, last.headers.connection], [503, 'close'])
  await text(last)
  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  t.equal(bytes, Number(response.headers['content-length']))
  await closed
  t.ok(performance.now() - started < LINGER_MS)
  await t.rejects(request({ ...options, agent: false }, true), { code: 'ECONNREFUSED' })
})

t.test('a certificate is replaced while connections are open', async t => {
  const { app, port } = await startSecurely(t)
  const socket = connectSecurely({ port, host: 'localhost', ca })
  await once(socket, 'secureConnect')
  const subject = async (): Promise<string> => {
    const socket = connectSecurely({ port, host: 'localhost', ca })
    await once(socket, 'secureConnect')
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return String(CN)
  }
  t.equal(await subject(), 'first.example')
  app.replaceCertificate(await readCertificate(files('second')))
  t.equal(await subject(), 'second.example')
  socket.end('nonsense\r\n\r\n')
  t.match(await text(socket), /^HTTP\/1\.1 400 Bad Request\r\n.*"code":"bad_request"/s, 'no HTTP')
})

t.test('files that are no certificate and its key are rejected', async t => {
  await t.rejects(readCertificate({ cert: pem('first'), key: pem('second-key') }), {
    code: 'invalid_configuration', message: /^TLS_CERT and TLS_KEY are not a certificate and its key/
  })
  await t.rejects(readCertificate({ cert: pem('absent'), key: pem('first-key') }), {
    code: 'invalid_configuration', message: /^TLS_CERT cannot be read: ENOENT/
  })
})

t.test('a Unix socket is drained and removed', async t => {
  const socketPath = join(socketFolder(t), 'socket')
  const { app, log } = await appOver(t, [dataset], { shutdownDelayMs: 300, maxBatchSize: 4000 })
  await listen(app, { host: `unix:${socketPath}`, port: 0 })
  t.ok(log.some(({ msg }) => msg === `listening on unix:${socketPath}`))
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  await text(await request({ socketPath, agent, path: '/readyz' }, false))
  const response = await request({ socketPath, agent, path: large }, false)
  const closed = app.close()
  const last = await request({ socketPath, path: '/readyz' }, false)
  t.match([last.statusCode, last.headers.connection], [503, 'close'])
  await text(last)
  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  t.equal(bytes, Number(response.headers['content-length']))
  await closed
  t.notOk(existsSync(socketPath))
})

t.test('a socket that a killed process left is replaced, and neither one in use nor a file is', async t => {
  const folder = socketFolder(t)
  writeFileSync(join(folder, 'file'), 'content')
  const [stale, used] = ['stale', 'used'].map(name => join(folder, name)) as [string, string]
  const owner = createServer().listen(join(folder, 'first'))
  await once(owner, 'listening')
  // Node removes only the path that it listened on.
  await rename(join(folder, 'first'), stale)
  owner.close()
  await once(owner, 'close')
  t.ok(existsSync(stale))
  const { app } = await appOver(t, [dataset])
  await listen(app, { host: `unix:${stale}`, port: 0 })
  t.equal((await request({ socketPath: stale, path: '/readyz' }, false)).resume().statusCode, 200)

  const other = createServer().listen(used)
  await once(other, 'listening')
  t.teardown(() => other.close())
  for (const path of [used, join(folder, 'file')]) {
    const { app } = await appOver(t, [dataset])
    await t.rejects(listen(app, { host: `unix:${path}`, port: 0 }), { code: 'EADDRINUSE' })
    t.ok(existsSync(path))
  }
})

t.test('all addresses of both families are listened on', async t => {
  const { app } = await appOver(t, [dataset])
  try {
    await listen(app, { host: '::', port: 0 })
  } catch (error) {
    t.equal((error as NodeJS.ErrnoException).code, 'EAFNOSUPPORT', 'only without IPv6')
    return
  }
  const { port } = app.server.address() as AddressInfo
  t.equal((await request({ host: '127.0.0.1', port, path: '/readyz' }, false)).resume().statusCode, 200)
  t.equal((await request({ host: '::1', port, path: '/readyz' }, false)).resume().statusCode, 200)
})

t.test('the kernel holds as many connections as may be open, so that it resets none of a crowd', async t => {
  const calls = t.capture(Server.prototype, 'listen', Server.prototype.listen)
  const { app } = await appOver(t, [dataset], { maxConnections: 2000 })
  await listenAt(app, ['127.0.0.1', '127.0.0.2'], 0)
  t.match(calls().map(({ args: [options] }) => options), [{ backlog: 2000 }, { backlog: 2000 }])
})

t.test('HOST=:: is every address, or every IPv4 address where the kernel has no IPv6', async t => {
  t.equal(await resolveHost('::', async () => true), '::')
  t.equal(await resolveHost('::', async () => false), '0.0.0.0')
  t.equal(await resolveHost('127.0.0.1', async () => false), '127.0.0.1')
  const { app } = await appOver(t, [dataset])
  await listen(app, { host: await resolveHost('::'), port: 0 })
  const { port } = app.server.address() as AddressInfo
  t.equal((await request({ port, host: '127.0.0.1', path: '/healthz' }, false)).statusCode, 200)
})
