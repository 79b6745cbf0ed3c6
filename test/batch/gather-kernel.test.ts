import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { gatheredTensor, normalizedTensor } from '../../src/batch/gather-kernel.ts'
import { gatherRows, type Positions } from '../../src/batch/gather-rows.ts'
import type { FloatNormalization } from '../../src/batch/normalize.ts'
import { mix } from '../../src/dataset/order.ts'
import { sharedBytes } from '../../src/memory/bytes.ts'
import { bytesOfChunk, releaseChunk, type Chunk, type PooledChunk } from '../../src/memory/chunk.ts'
import { allocateRows, memoryOf } from '../../src/memory/row-memory.ts'
import { collectGarbage } from '../fixtures/garbage.ts'

/** No multiple of the 16 values that the kernels take at a time. */
const LENGTH = 100
const COUNT = 1000

/** Rows of bytes, in a memory of their own; a third of them are blank, as far as `blank` goes. */
function makeRows (blank = 0): Uint8Array {
  const rows = allocateRows(COUNT * LENGTH)
  for (let i = 0; i < rows.length; i++) rows[i] = i % LENGTH < blank && i % 3 === 0 ? 0 : mix(i)
  return rows
}

function randomIds (count: number, seed: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => mix(i ^ mix(seed)) % COUNT)
}

function expected (rows: Uint8Array, positions: Positions): Uint8Array {
  const target = new Uint8Array(positions.count * LENGTH)
  gatherRows(rows, LENGTH, positions, target)
  return target
}

/** The rows in the memory that they are in; undefined where they had to be copied elsewhere. */
function gather (rows: Uint8Array, positions: Positions): PooledChunk | undefined {
  const chunk = gatheredTensor([positions.count, LENGTH], rows, LENGTH, positions).chunk()
  // The pool for what is computed elsewhere is not shared.
  if (bytesOfChunk(chunk).buffer instanceof SharedArrayBuffer) return chunk as PooledChunk
  releaseChunk(chunk)
  return undefined
}

const meanImage = Float32Array.from({ length: LENGTH }, (_, i) => (mix(i) % 1000) / 1500 * (i % 7 === 0 ? 0 : 1))
const unit = Float32Array.from({ length: 256 }, (_, level) => level / 255)
const unscaled = [{ mean: 0, std: 1 }]
/** No multiples of the 16 values either: a row is four planes of 25. */
const scales = [[0.1307, 0.3081], [0.4914, 0.2471], [0.4822, 0.2435], [0.4465, 0.2616]].map(([mean, std]) => {
  return { mean: Math.fround(mean!), std: Math.fround(std!) }
})
const normalizations: Record<string, FloatNormalization> = {
  unit: { levels: unit, scales: unscaled },
  centered: { levels: unit, scales: unscaled, meanImage },
  standard: { levels: tablesOf(scales.slice(0, 1)), scales: scales.slice(0, 1) },
  'standard of each channel': { levels: tablesOf(scales), scales }
}

function tablesOf (scales: FloatNormalization['scales']): Float32Array {
  return Float32Array.from(scales.flatMap(({ mean, std }) => Array.from(unit, x => Math.fround(x - mean) / std)))
}

t.test('rows are the same as those that typed arrays gather', async t => {
  const rows = makeRows()
  for (const [start, count] of [[0, 256], [5, 1], [7, 0], [100, 900]] as const) {
    const positions = { start, count, ids: randomIds(1000, count) }
    const chunk = gather(rows, positions)!
    t.same(chunk.bytes, expected(rows, positions), `${count} from ${start}`)
    chunk.release()
  }
})

t.test('rows are normalized as by tables of levels, bit for bit, in any order', async t => {
  for (const [blank, offset] of [[0, 0], [60, 0], [LENGTH, 3]] as const) {
    const rows = makeRows(blank).subarray(offset * LENGTH)
    for (const [name, normalization] of Object.entries(normalizations)) {
      const { levels, scales: { length: channels }, meanImage: subtracted } = normalization
      for (const ids of [randomIds(300, 8).map(id => id % 900), undefined]) {
        const positions = { start: 20, count: 250, ids }
        const values = Float32Array.from(expected(rows, positions), (x, i) => {
          const channel = Math.floor(i % LENGTH / (LENGTH / channels))
          return levels[256 * channel + x]! - (subtracted ? subtracted[i % LENGTH]! : 0)
        })
        const shape = [250, LENGTH]
        const fill = (): void => { t.fail('not in memory') }
        const chunk = normalizedTensor(shape, rows, LENGTH, positions, normalization, fill).chunk()
        t.ok(Buffer.from(values.buffer).equals(bytesOfChunk(chunk)), `${name}, ${ids ? 'shuffled' : 'natural'}`)
        releaseChunk(chunk)
      }
    }
  }
})

t.test('where rows are in no memory, or a mean image has no room, the values are computed elsewhere', async t => {
  const positions = { start: 0, count: 1 }
  for (const [rows, length] of [[sharedBytes(100), 100], [allocateRows(1 << 20), 1 << 20]] as const) {
    const normalization = { levels: unit, scales: unscaled, meanImage: new Float32Array(length) }
    const tensor = normalizedTensor([1, length], rows, length, positions, normalization, values => values.fill(5))
    t.same(bytesOfChunk(tensor.chunk()).subarray(0, 4), new Uint8Array(Float32Array.of(5).buffer))
  }
})

t.test('another mean image replaces the one before', async t => {
  const rows = makeRows()
  const positions = { start: 0, count: 2 }
  const chunks = [meanImage, meanImage.map(value => value + 1), meanImage].map((meanImage): Chunk => {
    const normalization = { levels: unit, scales: unscaled, meanImage }
    return normalizedTensor([2, LENGTH], rows, LENGTH, positions, normalization, () => {}).chunk()
  })
  const [first, second, third] = chunks.map(bytesOfChunk)
  t.notSame(first, second)
  t.same(first, third)
})

t.test('chunks do not overlap until they are released, and the rows stay as they are', async t => {
  const rows = makeRows()
  const before = rows.slice()
  const positionsOf = (seed: number): Positions => ({ start: 0, count: 300, ids: randomIds(300, seed) })
  const held = [0, 1, 2, 3, 4].map(seed => ({ positions: positionsOf(seed), chunk: gather(rows, positionsOf(seed))! }))
  for (const { positions, chunk } of held) t.same(chunk.bytes, expected(rows, positions))
  const [first] = held
  first!.chunk.release()
  first!.chunk.release()
  const again = [0, 1].map(() => gather(rows, positionsOf(9))!)
  t.equal(again[0]!.bytes.byteOffset, first!.chunk.bytes.byteOffset, 'its room is used again')
  t.not(again[1]!.bytes.byteOffset, first!.chunk.bytes.byteOffset, 'but only once, however often it is released')
  for (const { positions, chunk } of held.slice(1)) t.same(chunk.bytes, expected(rows, positions))
  t.same(rows, before)
})

t.test('without room, or for rows that are elsewhere, there is no chunk in memory', async t => {
  const rows = makeRows()
  const positions = { start: 0, count: 10, ids: randomIds(10, 1) }
  const chunks: PooledChunk[] = []
  for (let chunk; (chunk = gather(rows, positions));) chunks.push(chunk)
  t.equal(chunks.length, 24, 'as many as fit into 28 MiB')
  chunks[3]!.release()
  t.ok(gather(rows, positions))
  const many = randomIds(11_000, 2)
  t.equal(gather(makeRows(), { start: 0, count: many.length, ids: many }), undefined, 'above 1 MiB')
  t.equal(gather(sharedBytes(1000), { start: 0, count: 10 }), undefined)
})

t.test('the room of chunks that are never released is used again once nothing refers to them', async t => {
  const rows = makeRows()
  const positions = { start: 0, count: 10, ids: randomIds(10, 1) }
  while (gather(rows, positions));
  let chunk: PooledChunk | undefined
  for (let turn = 0; turn < 100 && !chunk; turn++) {
    collectGarbage()
    await nextTurn()
    chunk = gather(rows, positions)
  }
  t.same(chunk?.bytes, expected(rows, positions))
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
