import t from 'tap'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ReclaimableBody } from '../../../src/http/response/reclaimable.ts'
import { bufferPool } from '../../../src/memory/buffer-pool.ts'
import {
  PAUSE, bytesOfChunk, pauseAfter, releaseChunk, type Chunk, type PooledChunk
} from '../../../src/memory/chunk.ts'
import { WorkQueue } from '../../../src/scheduling/work-queue.ts'

const never = new AbortController().signal

/** A body of these chunks in a queue without room for another, and what was computed and released. */
async function createBody (chunksOf: (attempt: number) => Chunk[], byteLength?: number) {
  const queue = new WorkQueue({ maxBytes: 10, maxQueued: 10 })
  const requester = { client: 'a client', connection: {} }
  let attempts = 0
  const held: Array<{ isReleased: boolean }> = []
  const body = await ReclaimableBody.compute({
    acquire: isResumed => queue.acquire(10, requester, never, { isResumed }),
    async compute (_permit, hold) {
      const memory = { bytes: new Uint8Array(0), isReleased: false, release () { memory.isReleased = true } }
      held.push(memory)
      hold(memory)
      return { ...(byteLength !== undefined && { byteLength }), chunks: chunksOf(attempts++) }
    }
  })
  /** Lets another job have the memory. */
  const reclaim = async (): Promise<void> => {
    const permit = await queue.acquire(10, { client: 'another', connection: {} }, never)
    permit.release()
  }
  return { queue, body, held, reclaim, attempts: () => attempts }
}

/** Pulls chunks, and calls `pause` after each. */
async function read (chunks: Iterable<Chunk>, pause: (chunks: number) => Promise<void>): Promise<Buffer> {
  const bytes: Buffer[] = []
  for (const chunk of chunks) {
    await pauseAfter(chunk)
    if (bytesOfChunk(chunk).length === 0) continue
    // Not copied and not released yet, as while a socket writes it.
    await pause(bytes.length)
    bytes.push(Buffer.from(bytesOfChunk(chunk)))
    releaseChunk(chunk)
  }
  return Buffer.concat(bytes)
}

const bytes = Buffer.from(Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 7) % 251))

function cut (step: number): Chunk[] {
  const chunks: Chunk[] = []
  for (let start = 0; start < bytes.length; start += step) chunks.push(bytes.subarray(start, start + step), PAUSE)
  return chunks
}

t.test('a body whose memory was reclaimed goes on where it was, however it is cut into chunks', async t => {
  const { body, held, queue, reclaim, attempts } = await createBody(attempt => cut(100_000 + 7919 * attempt))
  t.ok((await read(body.chunks, i => i % 3 === 0 ? reclaim() : nextTurn())).equals(bytes))
  t.ok(attempts() > 2, `computed ${attempts()} times`)
  t.ok(held.every(({ isReleased }) => isReleased))
  t.same([queue.running, queue.runningBytes], [0, 0])
})

t.test('a chunk that is still being sent when its memory is reclaimed is not overwritten', async t => {
  const pooled = (): PooledChunk[] => [0, 1 << 17, 1 << 18].map(start => {
    const chunk = bufferPool.pooledChunk(1 << 17)
    chunk.bytes.set(bytes.subarray(start, start + (1 << 17)))
    return chunk
  })
  const { body, reclaim } = await createBody(pooled)
  const read3 = await read(body.chunks, async () => {
    await reclaim()
    bufferPool.pooledChunk(1 << 17).bytes.fill(255)
  })
  t.ok(read3.equals(bytes.subarray(0, 3 << 17)))
})

t.test('a large chunk is sent as copies, and can be reclaimed between them', async t => {
  const { body, reclaim, attempts } = await createBody(() => [bytes])
  const lengths: number[] = []
  const copy = await read(body.chunks, async i => {
    lengths.push(i)
    if (i % 8 === 3) await reclaim()
  })
  t.ok(copy.equals(bytes))
  t.ok(attempts() > 1 && lengths.length > 10)
})

t.test('the memory is free as soon as the last byte was pulled', async t => {
  const { body, queue, held } = await createBody(() => [bytes.subarray(0, 10), bytes.subarray(10, 20)], 20)
  const chunks = body.chunks[Symbol.iterator]()
  chunks.next()
  t.same([queue.running, held[0]!.isReleased], [1, false])
  chunks.next()
  t.same([queue.running, held[0]!.isReleased], [0, true])
})

t.test('a closed body computes nothing more', async t => {
  const { body, queue, reclaim, attempts } = await createBody(() => cut(1000))
  const chunks = body.chunks[Symbol.iterator]()
  chunks.next()
  await reclaim()
  body.close()
  t.equal(chunks.next().done, true)
  t.same([queue.running, attempts()], [0, 1])
})
