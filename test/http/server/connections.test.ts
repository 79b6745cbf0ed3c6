import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 400, val: 1, test: 1 }, { rows: 28, columns: 28 })

/** A request for a batch that takes some hundred milliseconds to augment. */
const augmented = (seed: number): string => {
  const query = `batch_size=400&augment=rotate:45,elastic:64,noise:64&seed=${seed}&format=safetensors`
  return `GET /v1/datasets/made-up/splits/train/batches?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`
}

async function listen (t: Test) {
  const { app, log } = await appOver(t, [dataset], { maxBatchSize: 400 })
  let [started, inProgress, most] = [0, 0, 0]
  app.addHook('preHandler', async () => {
    started++
    most = Math.max(most, ++inProgress)
  })
  app.addHook('onResponse', async () => { inProgress-- })
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  const open = async (): Promise<Socket> => {
    const socket = connect({ port, allowHalfOpen: true })
    await once(socket, 'connect')
    return socket
  }
  const until = async (condition: () => boolean): Promise<void> => { while (!condition()) await nextTurn() }
  return { app, log, open, until, started: () => started, most: () => most }
}

t.test('a connection has few requests in progress, and gets all responses in order', async t => {
  const { open, most } = await listen(t)
  const socket = await open()
  const REQUESTS = 60
  const samples = '/v1/datasets/made-up/splits/train/samples'
  const request = (i: number): string => `GET ${samples}/${i} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  socket.write(augmented(1) + Array.from({ length: REQUESTS }, (_, i) => request(i)).join(''))
  socket.end()
  const ids = [...(await text(socket)).matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id))
  t.same(ids, Array.from({ length: REQUESTS }, (_, i) => i))
  t.ok(most() > 1 && most() <= 4, `${most()} requests in progress`)
})

t.test('all requests of a connection end when it closes, and each leaves a line in the log', async t => {
  const { app, log, open, started, until } = await listen(t)
  const socket = await open()
  const REQUESTS = 20
  socket.write(Array.from({ length: REQUESTS }, (_, i) => augmented(i)).join(''))
  await until(() => started() === 4)
  socket.destroy()
  const aborted = () => log.filter(({ msg }) => msg === 'request aborted')
  await until(() => aborted().length === REQUESTS)
  t.ok(started() < REQUESTS, 'those that waited never start')
  t.equal(app.limits.workQueue.queued, 0)
  await until(() => app.limits.workQueue.running === 0)
  t.match(aborted(), Array.from({ length: REQUESTS }, () => ({ level: 40, reason: 'the client disconnected' })))
})

t.test('a client that closes only its sending side gets its whole response', async t => {
  const { open } = await listen(t)
  const socket = await open()
  socket.end(augmented(1).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  const response = await text(socket.setEncoding('latin1'))
  t.match(response, /HTTP\/1\.1 200 OK/)
  const bytes = Number(/content-length: (\d+)/i.exec(response)![1])
  t.equal(response.length - response.lastIndexOf('\r\n\r\n', response.length - bytes) - 4, bytes)
})

t.test('a connection is closed after its last request, and nothing later is answered with an error', async t => {
  const { app } = await appOver(t, [dataset], { maxRequestsPerSocket: 3 })
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  const socket = connect({ port, allowHalfOpen: true })
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5))
  const responses = await text(socket)
  t.same(responses.match(/(?<=HTTP\/1\.1 )\d+/g), ['200', '200', '200'])
  t.same(responses.match(/(?<=^connection: )[\w-]+/gmi), ['keep-alive', 'keep-alive', 'close'])
})
