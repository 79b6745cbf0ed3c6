import { once } from 'node:events'
import { get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 60, val: 1, test: 1 }, { rows: 28, columns: 28 })
const train = '/v1/datasets/made-up/splits/train'
const batches = `${train}/batches`

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
  t.match(aborted()[0], { reason: 'the client read nothing for 0.1 s' })
  while (app.limits.workQueue.running > 0) await nextTurn()
  t.equal((await app.inject(`${batches}?${query}`)).statusCode, 200, 'others get it')
})

const large = prepared({ train: 16_000, val: 1, test: 1 }, { rows: 28, columns: 28 })

async function listenWithLittleMemory (t: Test) {
  const { app } = await appOver(t, [large], { workMemory: 2000 * 784, maxBatchSize: 2000 })
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  /** A response of which only the headers are read. */
  const open = async (path: string, coding: string): Promise<IncomingMessage> => {
    const request = get({ port, path, agent: false, headers: { 'accept-encoding': coding } })
    const [response] = await once(request, 'response') as [IncomingMessage]
    t.teardown(() => response.destroy())
    return response
  }
  return { app, open }
}

t.test('a client that reads nothing of a plain body loses its response, too', async t => {
  const { app, log } = await appOver(t, [large], { maxBatchSize: 16_000, stallTimeoutMs: 100 })
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  const request = get({ port, path: `${batches}?format=safetensors&batch_size=16000`, agent: false })
  const [response] = await once(request, 'response') as [IncomingMessage]
  t.teardown(() => response.destroy())
  while (!log.some(({ msg }) => msg === 'request aborted')) await nextTurn()
  t.match(log.at(-1), { msg: 'request aborted', reason: 'the client read nothing for 0.1 s' })
})

function decode (body: Buffer, { 'content-encoding': coding }: OutgoingHttpHeaders): Buffer {
  return coding === undefined ? body : decompressors[coding as string]!.whole(body)
}

const augmented = 'batch_size=2000&augment=noise:1&seed=1'
const kinds = {
  'an Arrow stream': [`${train}/stream?format=arrow&${augmented}&page=5`, 'identity'],
  'an NDJSON stream': [`${train}/stream?format=ndjson&normalization=raw&${augmented}&page=6`, 'identity'],
  'a compressed stream': [`${train}/stream?format=arrow&normalization=raw&${augmented}&page=5`, 'gzip'],
  'a page': [`${batches}?format=safetensors&${augmented}`, 'identity']
} as const

for (const [kind, [path, coding]] of Object.entries(kinds)) {
  t.test(`clients of ${kind} that pause keep no memory from others, and then get the same bytes`, async t => {
    const { app, open } = await listenWithLittleMemory(t)
    const expected = await app.inject({ url: path, headers: { 'accept-encoding': coding } })
    const paused = await Promise.all(Array.from({ length: 6 }, () => open(path, coding)))
    for (const query of [`${augmented}&format=npz`, 'batch_size=100&seed=2']) {
      const headers = { 'accept-encoding': 'br' }
      t.equal((await app.inject({ url: `${batches}?${query}`, headers })).statusCode, 200, 'others are served')
    }
    t.ok(app.limits.workQueue.reclaimed > 0)
    const plain = decode(expected.rawPayload, expected.headers)
    const received = await Promise.all(paused.map(response => buffer(response)))
    for (const [i, body] of received.entries()) t.ok(decode(body, paused[i]!.headers).equals(plain))
    t.equal(app.limits.workQueue.running, 0)
  })
}

t.test('streams beyond the memory for compressors are not compressed, and others may still be', async t => {
  const { app, open } = await listenWithLittleMemory(t)
  const codings: Array<string | undefined> = []
  for (let i = 0; i < 3; i++) codings.push((await open(`${train}/stream`, 'gzip')).headers['content-encoding'])
  t.same(codings, ['gzip', undefined, undefined])
  const headers = { 'accept-encoding': 'gzip' }
  const { headers: { etag } } = await open(`${train}/stream`, 'gzip')
  t.notMatch(etag, /gzip/, 'and have the tag of those that are not')
  t.match((await app.inject({ url: `${batches}?seed=1`, headers })).headers, { 'content-encoding': 'gzip' })
})
