import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const train = '/v1/datasets/made-up/splits/train/batches'

t.test('each request is logged in one line, with its id', async t => {
  const { app, log } = await appOver(t, [prepared({ train: 30, val: 10, test: 5 })])
  const url = `${train}?format=npz`
  const response = await app.inject(url)
  await app.inject('/nowhere')
  t.match(log, [
    {
      level: 30,
      msg: 'request',
      reqId: response.headers['x-request-id'],
      client: '127.0.0.1',
      method: 'GET',
      url,
      status: 200,
      bytes: response.rawPayload.length,
      ms: Number
    },
    { level: 30, msg: 'request', method: 'GET', url: '/nowhere', status: 404 }
  ])
  t.equal(log.length, 2)
})

t.test('successes can be sampled or left out, but errors cannot', async t => {
  const dataset = prepared({ train: 30, val: 10, test: 5 })
  const count = async (loggedSuccesses: number) => {
    const { app, log } = await appOver(t, [dataset], { loggedSuccesses })
    const { headers: { etag } } = await app.inject(train)
    for (let i = 0; i < 200; i++) await app.inject({ url: train, headers: { 'if-none-match': String(etag) } })
    for (let i = 0; i < 10; i++) await app.inject(`${train}?page=x`)
    const errors = log.filter(({ status }) => status === 400).length
    return { errors, successes: log.length - errors }
  }
  t.same(await count(0), { errors: 10, successes: 0 })
  t.same(await count(1), { errors: 10, successes: 201 })
  const { errors, successes } = await count(0.5)
  t.equal(errors, 10)
  t.ok(successes > 20 && successes < 180, `${successes} of 201`)
})

t.test('a request whose client disconnects is logged in one line as well', async t => {
  const dataset = prepared({ train: 4000, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const { app, log } = await appOver(t, [dataset], { maxBatchSize: 4000 })
  const { port } = new URL(await app.listen({ port: 0 }))
  for (const format of ['safetensors', 'json']) {
    const request = get({ port, path: `${train}?batch_size=4000&format=${format}` })
    const [response] = await once(request, 'response') as [IncomingMessage]
    response.socket.destroy()
    while (!log.some(({ msg, url }) => msg === 'request aborted' && url?.endsWith(format))) await nextTurn()
  }
  const lines = log.filter(({ url }) => url)
  t.match(lines, [
    { level: 40, client: '127.0.0.1', reason: 'the client disconnected', url: /safetensors$/ },
    { level: 40, reason: 'the client disconnected', url: /json$/ }
  ])
  t.equal(lines.length, 2)
})
