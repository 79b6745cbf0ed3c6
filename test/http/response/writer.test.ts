import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Body } from '../../../src/encode/body.ts'
import { bufferPool } from '../../../src/io/buffer-pool.ts'
import { bytesOfChunk, type Chunk } from '../../../src/io/chunk.ts'
import { openBody, writeParts } from '../../../src/http/response/writer.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const PART = 1 << 18
/** More than the system takes of a response that nobody reads. */
const PARTS = 200

/** Asks a server that answers with this body; the answer is not read yet. */
async function asked (t: Test, body: (response: ServerResponse) => Body) {
  const failures: unknown[] = []
  let answering = (_: ServerResponse): void => {}
  const answered = new Promise<ServerResponse>(resolve => { answering = resolve })
  const server = createServer((_, response) => {
    answering(response)
    writeParts(response, openBody(body(response)), error => failures.push(error))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false })
  const [answer] = await once(request, 'response') as [IncomingMessage]
  return { answer, response: await answered, failures }
}

/** Parts that tell their numbers, in memory that is used again; what was waiting to be sent when each was asked for is noted. */
function * numbered (response: ServerResponse, waiting: number[]): Generator<Chunk> {
  for (let i = 0; i < PARTS; i++) {
    waiting.push(response.writableLength)
    const chunk = bufferPool.pooledChunk(PART)
    chunk.bytes.fill(i)
    yield chunk
  }
}

/** How many parts are made when the system takes no more. */
async function blocked (response: ServerResponse, waiting: readonly number[]): Promise<number> {
  for (;;) {
    const made = waiting.length
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
    if (response.writableLength > 0 && waiting.length === made) return made
  }
}

t.test('nothing is made while something waits for a reader who is slow', async t => {
  const waiting: number[] = []
  const { answer, response } = await asked(t, response => ({ chunks: numbered(response, waiting) }))
  const before = await blocked(response, waiting)
  t.ok(before < PARTS, `${before} of ${PARTS} parts are made for a reader who does not read`)
  const body = await buffer(answer)
  t.equal(body.length, PARTS * PART)
  t.ok(Array.from({ length: PARTS }, (_, i) => i).every(i => body.subarray(i * PART, (i + 1) * PART).every(byte => byte === i)), 'each arrives as it was made')
  t.same([waiting.length, Math.max(...waiting)], [PARTS, 0])
})

t.test('nor while what waits is little, and slow to make', async t => {
  const FIRST = 8 << 20
  const SHORT = 12_000
  const SHORTS = 400
  const waiting: number[] = []
  const { answer, response } = await asked(t, response => ({
    chunks: (function * (): Generator<Chunk> {
      yield new Uint8Array(FIRST)
      for (let i = 0; i < SHORTS; i++) {
        waiting.push(response.writableLength)
        for (const end = performance.now() + 6; performance.now() < end;);
        const { bytes, release } = bufferPool.pooledChunk(PART)
        yield { bytes: bytes.fill(i).subarray(0, SHORT), release }
      }
    })()
  }))
  // Reads until the system has the first part, and then waits until it takes no more.
  const read: Buffer[] = []
  while (waiting.length === 0) {
    read.push(...[answer.read() as Buffer | null].filter(chunk => chunk !== null))
    await new Promise(setImmediate)
  }
  t.ok(await blocked(response, waiting) < SHORTS)
  const body = Buffer.concat([...read, await buffer(answer)]).subarray(FIRST)
  t.equal(body.length, SHORTS * SHORT)
  t.ok(Array.from({ length: SHORTS }, (_, i) => i).every(i => body.subarray(i * SHORT, (i + 1) * SHORT).every(byte => byte === i % 256)), 'each arrives as it was made')
  t.equal(Math.max(...waiting), 0)
})

t.test('what was sent is used again', async t => {
  const buffers = new Set<ArrayBufferLike>()
  const { answer } = await asked(t, response => ({
    chunks: (function * (): Generator<Chunk> {
      for (const part of numbered(response, [])) {
        buffers.add(bytesOfChunk(part).buffer)
        yield part
      }
    })()
  }))
  await buffer(answer)
  t.ok(buffers.size <= PARTS / 4, `${buffers.size} buffers for ${PARTS} parts`)
})

t.test('a body that cannot be made to its end is broken off', async t => {
  const { answer, failures } = await asked(t, response => ({
    chunks: (function * (): Generator<Chunk> {
      yield * numbered(response, [])
      throw new Error('no such pixels')
    })()
  }))
  await t.rejects(buffer(answer), { code: 'ECONNRESET' })
  t.match(failures, [{ message: 'no such pixels' }])
})

t.test('nothing more is made for a reader who is gone', async t => {
  const waiting: number[] = []
  const { answer, response, failures } = await asked(t, response => ({ chunks: numbered(response, waiting) }))
  answer.destroy()
  if (!response.closed) await once(response, 'close')
  const made = waiting.length
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.ok(made < PARTS && waiting.length === made, `${made} parts`)
  t.same(failures, [])
})

t.test('others have their turn while a large body is made', async t => {
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const { answer } = await asked(t, () => ({
    chunks: (function * (): Generator<Chunk> {
      for (let i = 0; i < 20; i++) {
        for (const end = performance.now() + 3; performance.now() < end;);
        yield new Uint8Array(PART)
      }
    })()
  }))
  t.equal((await buffer(answer)).length, 20 * PART)
  clearInterval(counting)
  t.ok(turns > 5, `${turns} turns`)
})

t.test('a length is told where it is known before all is made', async t => {
  const { app } = await appOver(t, [prepared({ train: 600, val: 1, test: 1 }, { rows: 28, columns: 28 })], { maxBatchSize: 600 })
  const url = '/v1/datasets/made-up/splits/train/batches'
  for (const query of ['batch_size=5', ...['npz', 'safetensors', 'arrow'].flatMap(format => [`format=${format}&batch_size=600`, `format=${format}&batch_size=600&seed=1&pad=32`])]) {
    const [{ headers, rawPayload }, head] = [await app.inject(`${url}?${query}`), await app.inject({ method: 'HEAD', url: `${url}?${query}` })]
    t.equal(Number(headers['content-length']), rawPayload.length, query)
    t.equal(head.headers['content-length'], headers['content-length'])
  }
  const [large, head] = [await app.inject(`${url}?batch_size=600`), await app.inject({ method: 'HEAD', url: `${url}?batch_size=600` })]
  t.equal(large.json().images.length, 600)
  for (const { headers } of [large, head]) t.same([headers['content-length'], headers['content-type']], [undefined, 'application/json'])
})
