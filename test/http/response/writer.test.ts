import { once } from 'node:events'
import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import { writeBody, type ResponseBody } from '../../../src/http/response/writer.ts'
import { PAUSE, type Chunk } from '../../../src/memory/chunk.ts'
import { TIME_SLICE_MS } from '../../../src/scheduling/event-loop.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const CHUNK_BYTES = 1 << 18
/** More than the system buffers for a client that does not read. */
const CHUNKS = 200

interface Computed {
  chunks: number
  released: number
}

/** Chunks that consist of their number, each in a buffer that is overwritten when it is released. */
function * numbered (computed: Computed, bytes = CHUNK_BYTES, count = CHUNKS): Generator<Chunk> {
  for (let i = 0; i < count; i++) {
    computed.chunks++
    const chunk = new Uint8Array(bytes).fill(i)
    let isReleased = false
    yield {
      bytes: chunk,
      release () {
        if (isReleased) throw new Error('released twice')
        isReleased = true
        computed.released++
        chunk.fill(255)
      }
    }
  }
}

async function * inGroups (chunks: Iterable<Chunk>): AsyncGenerator<Chunk[]> {
  for (const chunk of chunks) yield [chunk]
}

/** Requests this body from a server; it is not read yet. */
async function requestBody (t: Test, body: () => ResponseBody, method = 'GET') {
  const app = fastify()
  const errors: unknown[] = []
  let served: (raw: ServerResponse) => void
  const raw = new Promise<ServerResponse>(resolve => { served = resolve })
  app.addHook('onRequest', async (_request, reply) => { reply.log.error = (error: unknown) => { errors.push(error) } })
  app.get('/', (_request, reply) => {
    served(reply.raw)
    return writeBody(reply, body())
  })
  const { port } = new URL(await app.listen({ port: 0 }))
  t.teardown(() => app.close())
  const [response] = await once(get({ port, method, agent: false }), 'response') as [IncomingMessage]
  return { response, raw: await raw, errors }
}

/** Resolves when no more chunks are computed. */
async function settled (computed: Computed): Promise<void> {
  for (let idle = 0, before = -1; idle < 200; idle++) {
    if (computed.chunks !== before) idle = 0
    before = computed.chunks
    await nextTurn()
  }
}

function isNumbered (body: Buffer, bytes = CHUNK_BYTES): boolean {
  const count = body.length / bytes
  const parts = Array.from({ length: count }, (_, i) => body.subarray(i * bytes, (i + 1) * bytes))
  return parts.every((part, i) => part.equals(Buffer.alloc(bytes, i)))
}

const kinds: Record<string, (chunks: Iterable<Chunk>) => ResponseBody> = {
  'chunks of unknown length': chunks => ({ chunks }),
  'chunks of known length': chunks => ({ chunks, byteLength: CHUNKS * CHUNK_BYTES }),
  groups: chunks => ({ groups: inGroups(chunks) })
}

for (const [kind, bodyOf] of Object.entries(kinds)) {
  t.test(`${kind}: no faster than the client reads, each chunk as it was computed, released once sent`, async t => {
    const computed = { chunks: 0, released: 0 }
    const { response } = await requestBody(t, () => bodyOf(numbered(computed)))
    await settled(computed)
    t.ok(computed.chunks < CHUNKS, `${computed.chunks} of ${CHUNKS} chunks for a client that does not read`)
    const body = await buffer(response)
    t.equal(body.length, CHUNKS * CHUNK_BYTES)
    t.ok(isNumbered(body))
    t.same(computed, { chunks: CHUNKS, released: CHUNKS })
  })

  t.test(`${kind}: an error while a chunk is computed is logged and aborts the response`, async t => {
    const computed = { chunks: 0, released: 0 }
    const { response, errors } = await requestBody(t, () => bodyOf((function * () {
      yield * numbered(computed, CHUNK_BYTES, CHUNKS / 2)
      throw new Error('no such pixels')
    })()))
    await t.rejects(buffer(response), { code: 'ECONNRESET' })
    t.match(errors, [{ err: { message: 'no such pixels' } }])
  })

  t.test(`${kind}: nothing more is computed for a client that disconnects`, async t => {
    const computed = { chunks: 0, released: 0 }
    const { response, raw, errors } = await requestBody(t, () => bodyOf(numbered(computed)))
    response.destroy()
    if (!raw.closed) await once(raw, 'close')
    await settled(computed)
    t.ok(computed.chunks < CHUNKS, `${computed.chunks} chunks`)
    t.same(errors, [])
  })
}

t.test('a stream whose client disconnects is closed, whatever it is waiting for', async t => {
  const computed = { chunks: 0, released: 0 }
  let close: () => void
  const closed = new Promise<void>(resolve => { close = resolve })
  const { response } = await requestBody(t, () => ({
    groups: (async function * () {
      try {
        yield * inGroups(numbered(computed))
      } finally {
        close()
      }
    })()
  }))
  response.destroy()
  await closed
  t.ok(computed.chunks < CHUNKS)
})

t.test('first chunks that take long to compute let other work run in between', async t => {
  let turns = 0
  let pending = setImmediate(function count () {
    turns++
    pending = setImmediate(count)
  })
  t.teardown(() => clearImmediate(pending))
  const turnOfChunk: number[] = []
  const { response } = await requestBody(t, () => ({
    chunks: (function * () {
      for (let i = 0; i < 4; i++) {
        for (const end = performance.now() + TIME_SLICE_MS + 1; performance.now() < end;);
        turnOfChunk.push(turns)
        yield Uint8Array.of(i)
        yield PAUSE
      }
    })()
  }))
  t.same(await buffer(response), Buffer.of(0, 1, 2, 3))
  t.equal(response.headers['content-length'], '4', 'a small body has its length all the same')
  t.equal(new Set(turnOfChunk).size, 4, 'each in a turn of its own')
})

t.test('an error in later time slices of the first chunks is a response', async t => {
  const { response } = await requestBody(t, () => ({
    chunks: (function * () {
      for (const end = performance.now() + TIME_SLICE_MS + 1; performance.now() < end;);
      yield Uint8Array.of(1)
      throw new Error('no such pixels')
    })()
  }))
  t.equal(response.statusCode, 500)
  t.match(JSON.parse(String(await buffer(response))), { message: 'no such pixels' })
})

t.test('small chunks that take long to compute arrive as they were computed', async t => {
  const computed = { chunks: 0, released: 0 }
  const BYTES = 1000
  const { response } = await requestBody(t, () => ({
    chunks: (function * () {
      yield new Uint8Array(8 << 20)
      for (const chunk of numbered(computed, BYTES)) {
        for (const end = performance.now() + 2; performance.now() < end;);
        yield chunk
      }
    })()
  }))
  await settled(computed)
  const body = (await buffer(response)).subarray(8 << 20)
  t.equal(body.length, CHUNKS * BYTES)
  t.ok(isNumbered(body, BYTES))
  t.equal(computed.released, CHUNKS)
})

t.test('other requests are served while a large body is computed', async t => {
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const { response } = await requestBody(t, () => ({
    chunks: (function * () {
      for (let i = 0; i < 20; i++) {
        for (const end = performance.now() + 3; performance.now() < end;);
        yield new Uint8Array(CHUNK_BYTES)
      }
    })()
  }))
  t.equal((await buffer(response)).length, 20 * CHUNK_BYTES)
  clearInterval(counting)
  t.ok(turns > 5, `${turns} turns`)
})

t.test('a small body has a length, and its chunks are released', async t => {
  for (const method of ['GET', 'HEAD']) {
    const computed = { chunks: 0, released: 0 }
    const { response, raw } = await requestBody(t, () => ({ chunks: numbered(computed, 1000, 5) }), method)
    t.equal(response.headers['content-length'], '5000')
    t.equal((await buffer(response)).length, method === 'HEAD' ? 0 : 5000)
    if (!raw.closed) await once(raw, 'close')
    t.same(computed, { chunks: 5, released: 5 }, method)
  }
})

t.test('HEAD computes nothing that it does not need', async t => {
  for (const body of [kinds['chunks of known length']!, kinds['groups']!]) {
    const computed = { chunks: 0, released: 0 }
    const { response } = await requestBody(t, () => body(numbered(computed)), 'HEAD')
    t.equal((await buffer(response)).length, 0)
    t.equal(computed.chunks, 0)
  }
})

t.test('an error before the first byte becomes a problem document', async t => {
  const { app } = await appOver(t, [prepared({ train: 5, val: 1, test: 1 })])
  app.get('/failing', (_request, reply) => writeBody(reply, {
    chunks: (function * (): Generator<Chunk> { throw new Error('no such pixels') })()
  }))
  const response = await app.inject('/failing')
  t.match([response.statusCode, response.json()], [500, { code: 'internal' }])
})

t.test('a length is sent where it is known before all chunks are computed', async t => {
  const dataset = prepared({ train: 600, val: 1, test: 1 }, { rows: 28, columns: 28 })
  const { app } = await appOver(t, [dataset], { maxBatchSize: 600 })
  const url = '/v1/datasets/made-up/splits/train/batches'
  const binary = ['npz', 'safetensors', 'arrow'].flatMap(format => [
    `format=${format}&batch_size=600`,
    `format=${format}&batch_size=600&seed=1&pad=32`
  ])
  for (const query of ['batch_size=5', ...binary]) {
    const { headers, rawPayload } = await app.inject(`${url}?${query}`)
    const head = await app.inject({ method: 'HEAD', url: `${url}?${query}` })
    t.equal(Number(headers['content-length']), rawPayload.length, query)
    t.equal(head.headers['content-length'], headers['content-length'])
  }
  const large = await app.inject(`${url}?batch_size=600`)
  const head = await app.inject({ method: 'HEAD', url: `${url}?batch_size=600` })
  t.equal(large.json().images.length, 600)
  for (const { headers } of [large, head]) {
    t.same([headers['content-length'], headers['content-type']], [undefined, 'application/json'])
  }
})
