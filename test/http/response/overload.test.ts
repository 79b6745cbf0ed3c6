import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 60, val: 1, test: 1 }, { rows: 28, columns: 28 })
const batches = '/v1/datasets/made-up/splits/train/batches'

t.test('expensive requests wait for memory, and all are served', async t => {
  const { app } = await appOver(t, [dataset], { workMemory: 1 })
  const expected = await app.inject(`${batches}?seed=1`)
  const request = { url: `${batches}?seed=1`, headers: { 'accept-encoding': 'br' } }
  const responses = Array.from({ length: 20 }, () => app.inject(request))
  let most = 0
  const all = Promise.all(responses)
  while (await Promise.race([all, nextTurn('running')]) === 'running') {
    most = Math.max(most, app.limits.workQueue.running)
  }
  for (const { statusCode, rawPayload } of await all) {
    t.equal(statusCode, 200)
    t.ok(decompressors['br']!.whole(rawPayload).equals(expected.rawPayload))
  }
  t.equal(most, 1, 'one at a time')
  t.equal(app.limits.workQueue.running, 0)
})

t.test('beyond the queue, requests get a 503 that says when to retry', async t => {
  const { app } = await appOver(t, [dataset], { workMemory: 2 * 784 })
  const headers = { 'accept-encoding': 'gzip' }
  const request = (seed: number) => app.inject({ url: `${batches}?seed=${seed}&augment=noise:1&batch_size=2`, headers })
  const responses = await Promise.all(Array.from({ length: 600 }, (_, seed) => request(seed)))
  const rejected = responses.filter(({ statusCode }) => statusCode !== 200)
  t.ok(rejected.length > 0 && rejected.length < 100, `${rejected.length} of 600 are rejected`)
  const [first] = rejected
  t.match([first!.statusCode, first!.json()], [503, { code: 'overloaded', status: 503 }])
  const seconds = rejected.map(({ headers }) => Number(headers['retry-after']))
  t.ok(seconds.every(seconds => seconds >= 1 && seconds <= 60), `after ${seconds[0]} s`)
  t.equal((await request(0)).statusCode, 200, 'and are served later')
})

t.test('one address that fills the queue gets the 503s, and another one its responses', async t => {
  const { app } = await appOver(t, [dataset], { workMemory: 2 * 784 })
  const request = async (remoteAddress: string, seed: number): Promise<number> => {
    const url = `${batches}?seed=${seed}&augment=noise:1&batch_size=2`
    return (await app.inject({ url, headers: { 'accept-encoding': 'gzip' }, remoteAddress })).statusCode
  }
  const greedy = Array.from({ length: 600 }, (_, seed) => request('192.0.2.1', seed))
  while (app.limits.workQueue.queued < 512) await nextTurn()
  const others = await Promise.all(Array.from({ length: 20 }, (_, seed) => request('192.0.2.2', seed)))
  t.ok(others.every(status => status === 200))
  t.ok((await Promise.all(greedy)).filter(status => status === 503).length > 20)
})

t.test('other requests do not wait', async t => {
  const { app } = await appOver(t, [dataset], { workMemory: 60 * 784 })
  const requests = Array.from({ length: 20 }, (_, seed) => app.inject(`${batches}?seed=${seed}&augment=elastic:64`))
  const expensive = Promise.all(requests)
  t.equal((await app.inject(`${batches}?format=safetensors`)).statusCode, 200)
  t.ok(app.limits.workQueue.queued > 0, 'while expensive ones do')
  await expensive
})

t.test('a client that reads nothing loses its response, and its share of the memory', async t => {
  const large = prepared({ train: 2000, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const { app, log } = await appOver(t, [large], { workMemory: 2000 * 784, maxBatchSize: 2000, stallTimeoutMs: 100 })
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  const query = 'batch_size=2000&format=safetensors&augment=noise:1'
  const socket = connect(port).pause()
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  // Several responses, since the buffers of the kernel may take a whole one.
  const request = `GET ${batches}?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`
  socket.write(request.repeat(4))
  const aborted = () => log.filter(({ msg }) => msg === 'request aborted')
  while (aborted().length === 0) await nextTurn()
  while (app.limits.workQueue.running > 0) await nextTurn()
  t.equal((await app.inject(`${batches}?${query}`)).statusCode, 200, 'others get it')
})
