import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { gatherInMemory } from '../../src/batch/gather-kernel.ts'
import { gatherRows } from '../../src/batch/gather-rows.ts'
import { mix } from '../../src/dataset/order.ts'
import { collectGarbage } from '../../src/load/pipeline.ts'
import { sharedBytes } from '../../src/memory/bytes.ts'
import { bytesOfChunk, type PooledChunk } from '../../src/memory/chunk.ts'
import { adoptMemories, allocateRows, memoriesOf, memoryOf } from '../../src/memory/row-memory.ts'

const LENGTH = 100
const COUNT = 1000

/** Rows of bytes, in a memory of their own. */
function makeRows (): Uint8Array {
  const rows = allocateRows(COUNT * LENGTH)
  for (let i = 0; i < rows.length; i++) rows[i] = mix(i)
  return rows
}

function randomIds (count: number, seed: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => mix(i ^ mix(seed)) % COUNT)
}

function expected (rows: Uint8Array, ids: Uint32Array): Uint8Array {
  const target = new Uint8Array(ids.length * LENGTH)
  gatherRows(rows, LENGTH, { start: 0, count: ids.length, ids }, target)
  return target
}

t.test('rows are the same as those that typed arrays gather', async t => {
  const rows = makeRows()
  for (const [start, count] of [[0, 256], [5, 1], [7, 0], [100, 900]] as const) {
    const ids = randomIds(1000, count)
    const chunk = gatherInMemory(rows, LENGTH, { start, count, ids })!
    t.same(chunk.bytes, expected(rows, ids.subarray(start, start + count)), `${count} from ${start}`)
    chunk.release()
  }
})

t.test('rows of floats that do not start at the beginning of their memory', async t => {
  const bytes = makeRows()
  const rows = new Float32Array(bytes.buffer, 400, 2000)
  const ids = Uint32Array.of(79, 0, 3)
  const { bytes: found } = gatherInMemory(rows, 25, { start: 0, count: 3, ids })!
  const target = new Float32Array(75)
  gatherRows(rows, 25, { start: 0, count: 3, ids }, target)
  t.same(found, new Uint8Array(target.buffer))
})

t.test('chunks do not overlap until they are released, and the rows stay as they are', async t => {
  const rows = makeRows()
  const before = rows.slice()
  const held = Array.from({ length: 5 }, (_, i) => {
    const ids = randomIds(300, i)
    return { ids, chunk: gatherInMemory(rows, LENGTH, { start: 0, count: 300, ids })! }
  })
  for (const { ids, chunk } of held) t.same(chunk.bytes, expected(rows, ids))
  const [first] = held
  first!.chunk.release()
  first!.chunk.release()
  const again = [0, 1].map(() => gatherInMemory(rows, LENGTH, { start: 0, count: 300, ids: randomIds(300, 9) })!)
  t.equal(again[0]!.bytes.byteOffset, first!.chunk.bytes.byteOffset, 'its room is used again')
  t.not(again[1]!.bytes.byteOffset, first!.chunk.bytes.byteOffset, 'but only once, however often it is released')
  for (const { ids, chunk } of held.slice(1)) t.same(chunk.bytes, expected(rows, ids))
  t.same(rows, before)
})

t.test('without room, or for rows that are elsewhere, there is no chunk', async t => {
  const rows = makeRows()
  const ids = randomIds(10, 1)
  const chunks: PooledChunk[] = []
  for (let chunk; (chunk = gatherInMemory(rows, LENGTH, { start: 0, count: 10, ids }));) chunks.push(chunk)
  t.equal(chunks.length, 21, 'as many as fit into 24 MiB')
  chunks[3]!.release()
  t.ok(gatherInMemory(rows, LENGTH, { start: 0, count: 10, ids }))
  const many = randomIds(11_000, 2)
  t.equal(gatherInMemory(makeRows(), LENGTH, { start: 0, count: many.length, ids: many }), undefined, 'above 1 MiB')
  t.equal(gatherInMemory(sharedBytes(1000), LENGTH, { start: 0, count: 10, ids }), undefined)
  t.equal(gatherInMemory(makeRows(), LENGTH, { start: 0, count: 10 }), undefined, 'consecutive rows are a view')
})

t.test('the room of chunks that are never released is used again once nothing refers to them', async t => {
  const rows = makeRows()
  const positions = { start: 0, count: 10, ids: randomIds(10, 1) }
  while (gatherInMemory(rows, LENGTH, positions));
  let chunk: PooledChunk | undefined
  for (let turn = 0; turn < 100 && !chunk; turn++) {
    collectGarbage()
    await nextTurn()
    chunk = gatherInMemory(rows, LENGTH, positions)
  }
  t.same(chunk?.bytes, expected(rows, positions.ids))
})

t.test('small arrays, and those that no memory can hold, are shared all the same', async t => {
  t.ok(allocateRows(1000).buffer instanceof SharedArrayBuffer)
  t.equal(memoryOf(allocateRows(1000)), undefined)
  const { Memory } = WebAssembly
  t.teardown(() => { Object.assign(WebAssembly, { Memory }) })
  Object.assign(WebAssembly, {
    Memory: function () { throw new RangeError('could not allocate memory') }
  })
  const bytes = allocateRows(100_000)
  t.equal(bytes.length, 100_000)
  t.ok(bytes.buffer instanceof SharedArrayBuffer)
  t.equal(memoryOf(bytes), undefined)
})

t.test('arrays keep their memories when they are posted to another thread', async t => {
  const rows = makeRows()
  const memories = memoriesOf([rows, rows.subarray(7), new Uint8Array(3)])
  t.equal(memories.length, 1)
  const { port1, port2 } = new MessageChannel()
  port1.postMessage({ rows, memories })
  const [posted] = await once(port2, 'message') as [{ rows: Uint8Array, memories: WebAssembly.Memory[] }]
  port1.close()
  t.equal(memoryOf(posted.rows), undefined)
  adoptMemories(posted.memories)
  const ids = randomIds(50, 4)
  t.same(bytesOfChunk(gatherInMemory(posted.rows, LENGTH, { start: 0, count: 50, ids })!), expected(rows, ids))
})
