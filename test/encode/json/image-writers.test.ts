import { readFileSync } from 'node:fs'
import t from 'tap'
import { compileKernel, kernels } from '#scripts/kernels.js'
import type { Batch } from '../../../src/batch/batch.ts'
import type { Normalizer } from '../../../src/batch/normalize.ts'
import { layouts, type Layout } from '../../../src/batch/options.ts'
import { viewTensor } from '../../../src/batch/tensor.ts'
import { tensorShape } from '../../../src/dataset/image-shape.ts'
import { mix } from '../../../src/dataset/order.ts'
import { plainImageWriter } from '../../../src/encode/json/array-writer.ts'
import { json } from '../../../src/encode/json/json.ts'
import { shortestFloat32 } from '../../../src/encode/json/numbers.ts'
import { wasmImageWriter } from '../../../src/encode/json/wasm-image-writer.ts'
import { PAUSE, bytesOfChunk, type Chunk } from '../../../src/memory/chunk.ts'
import { consume } from '../../fixtures/chunks.ts'
import { root } from '../../fixtures/root.ts'

const writers = { wasm: wasmImageWriter, plain: plainImageWriter }

t.test('the committed module is what the WebAssembly text assembles to', async t => {
  const kernel = kernels.find(({ constant }) => constant === 'writeImageModule')!
  const committed = readFileSync(new URL(kernel.file, root), 'utf8')
  t.equal(await compileKernel(kernel), committed, 'otherwise: npm run task -- kernels')
})

interface Made {
  readonly count: number
  readonly rows?: number
  readonly columns?: number
  readonly layout?: Layout
  readonly normalizer?: Normalizer
  readonly level: (i: number) => number
}

function positional (positions: number): Normalizer {
  return { positions, normalize () { throw new Error('the images are computed already') } }
}

/** Images with the values level / 255 − position / 1000, or level / 255 if the normalizer has a single position. */
function makeBatch ({ count, rows = 28, columns = 28, layout = 'flat', level, ...options }: Made): Batch {
  const size = rows * columns
  const { normalizer = positional(size) } = options
  const levels = Uint8Array.from({ length: count * size }, (_, i) => level(i))
  const data = Float32Array.from(levels, (level, i) => level / 255 - i % normalizer.positions / 1000)
  const slice = (start: number, end: number): Batch => {
    const shape = [end - start, ...tensorShape({ channels: 1, rows, columns }, layout)]
    return {
      images: viewTensor(shape, 'float32', data.subarray(start * size, end * size)),
      labels: viewTensor([end - start], 'int64', new BigInt64Array(end - start)),
      ids: viewTensor([end - start], 'int32', new Int32Array(end - start)),
      normalizer,
      copyPixels (from, to, target = new Uint8Array((to - from) * size)) {
        target.set(levels.subarray((start + from) * size, (start + to) * size))
        return target
      },
      slice: (from, to) => slice(start + from, start + to)
    }
  }
  return slice(0, count)
}

const texts = new Map<number, string>()

function numberText (value: number): string {
  if (!texts.has(value)) texts.set(value, shortestFloat32(value))
  return texts.get(value)!
}

/** The expected text, number by number. */
function expected (batch: Batch): string {
  const { shape } = batch.images
  const data = batch.images.data()
  const list = (axis: number, first: number): string => {
    if (axis === shape.length) return numberText(data[first]!)
    const step = shape.slice(axis + 1).reduce((product, length) => product * length, 1)
    return `[${Array.from({ length: shape[axis]! }, (_, i) => list(axis + 1, first + i * step)).join()}]`
  }
  return list(0, 0).slice(1, -1)
}

function textOf (chunks: Iterable<Chunk>): string {
  return consume(chunks).toString('latin1')
}

const noise = (i: number): number => mix(i) & 255
const sparse = (i: number): number => mix(i) % 5 === 0 ? mix(i) >>> 24 : 0
/** Runs of zeros of all lengths, some across the ends of rows and images. */
const runs = (i: number): number => Math.sqrt(i) % 1 < 0.9 ? 0 : 1 + i % 255
const levels = { noise, sparse, runs, blank: () => 0, full: () => 255 }

for (const [name, writer] of Object.entries(writers)) {
  t.test(`${name}: images of any content and layout have the text of their numbers`, async t => {
    for (const layout of layouts) {
      for (const [content, level] of Object.entries(levels)) {
        const batch = makeBatch({ count: 12, layout, level })
        t.equal(textOf(writer.write(batch)), expected(batch), `${content}, ${layout}`)
      }
    }
  })

  t.test(`${name}: images of any size`, async t => {
    for (const [rows, columns] of [[1, 1], [1, 15], [16, 1], [17, 3], [32, 32], [64, 64]] as const) {
      for (const count of [1, 2, 15, 16, 17, 33]) {
        if (rows === 64 && count > 2) continue
        const batch = makeBatch({ count, rows, columns, layout: 'nhwc', level: sparse })
        t.equal(textOf(writer.write(batch)), expected(batch), `${count} of ${rows}×${columns}`)
      }
    }
  })

  t.test(`${name}: values that depend on the level alone`, async t => {
    for (const layout of layouts) {
      const batch = makeBatch({ count: 20, layout, level: noise, normalizer: positional(1) })
      t.equal(textOf(writer.write(batch)), expected(batch), layout)
    }
  })

  t.test(`${name}: no images have no text`, async t => {
    t.equal(textOf(writer.write(makeBatch({ count: 0, level: noise }))), '')
  })
}

t.test('wasm: known texts serve every batch, layout and order of learning', async t => {
  const normalizer = positional(784)
  const contents = [
    (i: number) => i % 784 < 700 ? 7 : 0,
    sparse,
    (i: number) => i % 784 < 700 ? 0 : noise(i),
    runs
  ]
  for (let round = 0; round < 2; round++) {
    for (const layout of layouts) {
      for (const level of contents) {
        const batch = makeBatch({ count: 3, layout, level, normalizer })
        t.equal(textOf(wasmImageWriter.write(batch)), expected(batch), `round ${round}, ${layout}`)
      }
    }
  }
})

t.test('a chunk that is not released stays as it is while other batches are written', async t => {
  for (const writer of Object.values(writers)) {
    const [first, second] = [makeBatch({ count: 40, level: noise }), makeBatch({ count: 40, level: sparse })]
    const held = [...writer.write(first)]
    t.ok(held.length > 1)
    t.equal(textOf(writer.write(second)), expected(second))
    t.equal(textOf(held), expected(first))
    t.equal(textOf(writer.write(second)), expected(second))
  }
})

t.test('batches that are written in turns do not mix', async t => {
  for (const writer of Object.values(writers)) {
    const normalizer = positional(784)
    const contents = [noise, sparse, runs]
    const batches = layouts.map((layout, i) => makeBatch({ count: 60, layout, normalizer, level: contents[i]! }))
    const iterators = batches.map(batch => writer.write(batch)[Symbol.iterator]())
    const found = batches.map((): Chunk[] => [])
    const unfinished = new Set(iterators.keys())
    while (unfinished.size > 0) {
      for (const i of unfinished) {
        const { value, done } = iterators[i]!.next()
        if (done) unfinished.delete(i)
        else found[i]!.push(value)
      }
    }
    for (const [i, batch] of batches.entries()) {
      t.ok(found[i]!.length > 1, 'there are turns')
      t.equal(textOf(found[i]!), expected(batch))
    }
  }
})

t.test('images that are too large for tables are written plainly, in bounded memory', async t => {
  const batch = makeBatch({ count: 2, rows: 300, columns: 200, level: runs })
  t.notOk(wasmImageWriter.supports(batch))
  const { arrayBuffers } = process.memoryUsage()
  const chunks = [...json.encode(batch, { count: 2 }).chunks]
  const allocated = process.memoryUsage().arrayBuffers - arrayBuffers
  t.ok(allocated < 32 << 20, 'without 256 texts for each of 60,000 positions')
  t.ok(chunks.every(chunk => bytesOfChunk(chunk).length < 1 << 17), 'in many chunks')
  t.equal(textOf(chunks), `{"count":2,"ids":[0,0],"images":[${expected(batch)}],"labels":[0,0]}`)
})

t.test('where WebAssembly can allocate no memory, batches are written without it', async t => {
  const { Memory } = WebAssembly
  t.teardown(() => { WebAssembly.Memory = Memory })
  const failing = class { constructor () { throw new RangeError('could not allocate memory') } }
  WebAssembly.Memory = failing as unknown as typeof Memory
  const batch = makeBatch({ count: 2, level: i => i % 256 })
  t.equal(wasmImageWriter.supports(batch), false)
  const { chunks } = json.encode(batch, { count: 2 })
  t.equal(JSON.parse(Buffer.concat([...chunks].map(bytesOfChunk)).toString()).images.length, 2)
})

t.test('many new numbers are written with pauses between them', async t => {
  const batch = makeBatch({ count: 6, level: i => i % 256 })
  const pauses = () => [...wasmImageWriter.write(batch)].filter(chunk => chunk === PAUSE).length
  t.ok(pauses() > 0, 'at first')
  t.equal(pauses(), 0, 'but not once the numbers are known')
})
