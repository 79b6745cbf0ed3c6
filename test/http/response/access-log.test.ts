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
    { level: 40, reason: 'the client disconnected', url: /safetensors$/ },
    { level: 40, reason: 'the client disconnected', url: /json$/ }
  ])
  t.equal(lines.length, 2)
})
