import { readFileSync } from 'node:fs'
import t from 'tap'
import { assembled } from '#scripts/assembled.js'
import type { Batch } from '../../../src/batch/batch.ts'
import { layouts, type Codebook, type Layout } from '../../../src/dataset/entry.ts'
import { shortestText } from '../../../src/encode/json/float32.ts'
import { imageTexts } from '../../../src/encode/json/image-texts.ts'
import { mix } from '../../../src/dataset/mix.ts'
import { pool } from '../../../src/io/buffer-pool.ts'
import { imageShape } from '../../../src/batch/select.ts'
import { root } from '../../fixtures/root.ts'

t.test('the committed module is what the WebAssembly text assembles to', async t => {
  t.equal(await assembled(), readFileSync(new URL('src/encode/json/write-image.ts', root), 'utf8'), 'else: npm run assemble')
})

interface MadeUp {
  readonly count: number
  readonly rows?: number
  readonly columns?: number
  readonly layout?: Layout
  readonly codebook?: Codebook
  readonly level: (i: number) => number
}

/** Images whose value is level / 255 − position / 1000. */
function madeUp ({ count, rows = 28, columns = 28, layout = 'flat', level, codebook = { positions: rows * columns } }: MadeUp): Batch {
  const size = rows * columns
  const levels = Uint8Array.from({ length: count * size }, (_, i) => level(i))
  const data = Float32Array.from(levels, (level, i) => level / 255 - i % size / 1000)
  const slice = (start: number, end: number): Batch => ({
    images: { shape: [end - start, ...imageShape({ rows, columns }, layout)], dtype: 'float32', data: data.subarray(start * size, end * size) },
    stored: false,
    levels: (from, to) => levels.subarray((start + from) * size, (start + to) * size),
    codebook,
    labels: { shape: [end - start], dtype: 'int64', data: new BigInt64Array(end - start) },
    ids: { shape: [end - start], dtype: 'int32', data: new Int32Array(end - start) },
    slice: (from, to) => slice(start + from, start + to)
  })
  return slice(0, count)
}

/** The same, number by number. */
function plainly ({ images: { shape, data } }: Batch): string {
  const list = (axis: number, first: number): string => {
    if (axis === shape.length) return shortestText(data[first]!)
    const step = shape.slice(axis + 1).reduce((product, length) => product * length, 1)
    return `[${Array.from({ length: shape[axis]! }, (_, i) => list(axis + 1, first + i * step)).join()}]`
  }
  return list(0, 0).slice(1, -1)
}

function text (parts: Iterable<Uint8Array>): string {
  return Buffer.concat([...parts]).toString('latin1')
}

const noise = (i: number): number => mix(i) & 255
const sparse = (i: number): number => mix(i) % 5 === 0 ? mix(i) >>> 24 : 0
/** Runs of zeros of all lengths, some across the ends of rows and images. */
const runs = (i: number): number => Math.sqrt(i) % 1 < 0.9 ? 0 : 1 + i % 255

t.test('images of any kind become what each number by itself would', async t => {
  for (const layout of layouts) {
    for (const [name, level] of Object.entries({ noise, sparse, runs, blank: () => 0, full: () => 255 })) {
      const batch = madeUp({ count: 40, layout, level })
      t.equal(text(imageTexts(batch)), plainly(batch), `${name}, ${layout}`)
    }
  }
})

t.test('images of any size', async t => {
  for (const [rows, columns] of [[1, 1], [1, 15], [16, 1], [17, 3], [32, 32], [100, 90]] as const) {
    for (const count of [1, 2, 31, 32, 33, 65]) {
      const batch = madeUp({ count, rows, columns, layout: 'nhwc', level: sparse })
      t.equal(text(imageTexts(batch)), plainly(batch), `${count} of ${rows}×${columns}`)
    }
  }
})

t.test('texts that are known serve every batch, layout and order of learning', async t => {
  const codebook = { positions: 784 }
  for (let round = 0; round < 3; round++) {
    for (const layout of layouts) {
      for (const level of [(i: number) => i % 784 < 700 ? 7 : 0, sparse, (i: number) => i % 784 < 700 ? 0 : noise(i), runs]) {
        const batch = madeUp({ count: 3, layout, level, codebook })
        t.equal(text(imageTexts(batch)), plainly(batch), `round ${round}, ${layout}`)
      }
    }
  }
})

t.test('memory that was given back may be written over, memory that was not is left alone', async t => {
  const [first, second] = [madeUp({ count: 64, level: noise }), madeUp({ count: 64, level: sparse })]
  const held = [...imageTexts(first)]
  t.ok(held.length > 1 && held.every(({ buffer }) => pool.hasLent(buffer)))
  t.equal(text(imageTexts(second)), plainly(second))
  t.equal(text(held), plainly(first))
  for (const { buffer } of held) pool.giveBack(buffer)
  const again = [...imageTexts(second)]
  t.ok(again.some(({ buffer }) => held.some(part => part.buffer === buffer)), 'it is used again')
  t.equal(text(again), plainly(second))
})

t.test('texts of batches that are made in turns do not mix', async t => {
  const codebook = { positions: 784 }
  const batches = layouts.map((layout, i) => madeUp({ count: 200, layout, codebook, level: [noise, sparse, runs][i]! }))
  const texts = batches.map(batch => imageTexts(batch))
  const found = batches.map((): Uint8Array[] => [])
  const left = new Set(texts.keys())
  while (left.size > 0) {
    for (const i of left) {
      const { value, done } = texts[i]!.next()
      if (done) left.delete(i)
      else found[i]!.push(value)
    }
  }
  for (const [i, batch] of batches.entries()) {
    t.ok(found[i]!.length > 3, 'there are turns')
    t.equal(text(found[i]!), plainly(batch))
  }
})
