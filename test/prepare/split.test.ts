import t from 'tap'
import { mix, shuffledOrder } from '../../src/dataset/order.ts'
import type { RawDataset } from '../../src/dataset/sample-splits.ts'
import { splitModes, type SplitSettings } from '../../src/dataset/settings.ts'
import { partition, splitDataset } from '../../src/prepare/split.ts'

function pseudoRandom (length: number, values: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => mix(i ^ mix(seed)) % values)
}

function settings (mode: SplitSettings['mode'], valFraction: number, seed = 0): SplitSettings {
  return { mode, valFraction, seed }
}

/** Each of 0 … count−1 exactly once, whatever the order. */
function isPermutation (positions: ArrayLike<number>, count: number): boolean {
  const seen = new Set(Array.from(positions))
  return positions.length === count && seen.size === count && Array.from(seen).every(i => i >= 0 && i < count)
}

t.test('every training sample is in train or val, exactly once', async t => {
  for (const mode of splitModes) {
    for (const count of [0, 1, 2, 9, 100, 1013]) {
      for (const fraction of [0, 0.001, 0.07, 0.2, 1 / 3, 0.5, 0.999]) {
        for (const seed of [0, 1, 0xffffffff]) {
          const { train, val } = await partition(pseudoRandom(count, 10, seed), settings(mode, fraction, seed))
          const what = `${mode}, ${fraction} of ${count}, seed ${seed}`
          if (!isPermutation([...train, ...val], count)) t.fail(`not every sample once: ${what}`)
          // In integers, since 0.07 · 100 is more than 7 in binary.
          const share = fraction === 1 / 3 ? count / 3 : count * Math.round(fraction * 1000) / 1000
          const expected = Math.ceil(share)
          if (val.length !== expected) t.fail(`val has ${val.length}, not ${expected}: ${what}`)
        }
      }
    }
    t.pass(mode)
  }
})

t.test('val has its fraction, rounded up', async t => {
  const sizes = [[60000, 0.2, 12000], [100, 0.07, 7], [100, 0, 0], [10, 0.01, 1], [3, 0.5, 2], [100, 0.29, 29]] as const
  for (const [count, fraction, expected] of sizes) {
    for (const mode of splitModes) {
      const { val } = await partition(pseudoRandom(count, 10), settings(mode, fraction))
      t.equal(val.length, expected, `${mode}: ${fraction} of ${count}`)
    }
  }
})

t.test('a training split without samples is an error', async t => {
  const samples = (count: number) => ({ count, images: new Uint8Array(4 * count), labels: new Uint8Array(count) })
  for (const mode of splitModes) {
    for (const [count, fraction] of [[1, 0.2], [2, 0.51], [9, 0.999999], [1, Number.MIN_VALUE]] as const) {
      const raw: RawDataset = { shape: { channels: 1, rows: 2, columns: 2 }, train: samples(count), test: samples(1) }
      const splitting = splitDataset(raw, settings(mode, fraction))
      if (fraction === Number.MIN_VALUE) {
        t.match(await splitting, { train: { count: 1 }, val: { count: 0 } })
        continue
      }
      await t.rejects(splitting, {
        code: 'preparation_failed',
        message: `VAL_FRACTION ${fraction} puts all ${count} training samples into val, ` +
          'which leaves none to compute statistics from'
      })
    }
  }
})

t.test('contiguous puts the last samples into val', async t => {
  const { train, val } = await partition(pseudoRandom(60000, 10), settings('contiguous', 0.2, 5))
  t.same([train[0], train.at(-1), val[0], val.at(-1)], [0, 47999, 48000, 59999])
  t.ok(train.every((position, i) => position === i))
  t.ok(val.every((position, i) => position === 48000 + i))
})

t.test('shuffled preserves the order of its seed', async t => {
  const { train, val } = await partition(pseudoRandom(10, 3), settings('shuffled', 0.3, 1))
  t.same([[...train], [...val]], [[2, 6, 4, 1, 0, 9, 3], [7, 8, 5]])
})

t.test('stratified gives each class its share', async t => {
  // Classes of very unequal sizes, one of them of a single sample.
  const labels = Uint8Array.from({ length: 2003 }, (_, i) => i === 7 ? 9 : [0, 0, 0, 0, 0, 1, 1, 2, 3, 3][mix(i) % 10]!)
  for (const [fraction, seed] of [[0.2, 0], [0.07, 3], [0.5, 4], [0.999, 5], [0.0005, 6]] as const) {
    const { train, val } = await partition(labels, settings('stratified', fraction, seed))
    t.equal(val.length, Math.ceil(labels.length * fraction))
    for (let label = 0; label < 10; label++) {
      const of = (positions: Iterable<number>): number => [...positions].filter(i => labels[i] === label).length
      const exact = of(labels.keys()) * val.length / labels.length
      if (Math.abs(of(val) - exact) >= 1) t.fail(`class ${label} has ${of(val)} in val, exact is ${exact}`)
    }
    const rank = new Map([...shuffledOrder(labels.length, seed, 0)].map((position, at) => [position, at]))
    for (const positions of [train, val]) {
      const ranks = Array.from(positions, position => rank.get(position)!)
      t.ok(ranks.every((rank, i) => i === 0 || ranks[i - 1]! < rank), 'in the order of the seed')
    }
  }
})

t.test('the same settings give the same split, another seed a different one', async t => {
  const labels = pseudoRandom(500, 10)
  const val = async (mode: SplitSettings['mode'], seed: number): Promise<number[]> => {
    return [...(await partition(labels, settings(mode, 0.2, seed))).val]
  }
  for (const mode of ['shuffled', 'stratified'] as const) {
    t.same(await val(mode, 8), await val(mode, 8))
    t.notSame((await val(mode, 8)).sort(), (await val(mode, 9)).sort())
  }
  t.notSame(await val('shuffled', 8), await val('stratified', 8))
  t.same(await val('contiguous', 8), await val('contiguous', 9))
})

function rawDataset (): RawDataset {
  return {
    shape: { channels: 1, rows: 2, columns: 3 },
    train: { count: 50, images: pseudoRandom(300, 256), labels: pseudoRandom(50, 4, 1) },
    test: { count: 7, images: pseudoRandom(42, 256, 2), labels: pseudoRandom(7, 4, 3) }
  }
}

t.test('a dataset keeps the validation samples that it brings', async t => {
  const val = { count: 5, images: pseudoRandom(30, 256, 4), labels: pseudoRandom(5, 4, 5) }
  const raw = { ...rawDataset(), val }
  for (const mode of splitModes) {
    const splits = await splitDataset(raw, settings(mode, 0.2, 3))
    t.same([splits.train.images, splits.train.labels], [raw.train.images, raw.train.labels])
    t.same(splits.val, val)
  }
})

t.test('splits are copies of the right samples, in memory that threads share', async t => {
  const raw = rawDataset()
  for (const mode of splitModes) {
    const parts = await partition(raw.train.labels, settings(mode, 0.2, 3))
    const splits = await splitDataset(raw, settings(mode, 0.2, 3))
    for (const name of ['train', 'val'] as const) {
      const { count, images, labels } = splits[name]
      t.equal(count, parts[name].length)
      t.equal(images.length, count * 6)
      t.ok(images.buffer instanceof SharedArrayBuffer)
      parts[name].forEach((position, i) => {
        t.same(images.subarray(i * 6, i * 6 + 6), raw.train.images.subarray(position * 6, position * 6 + 6))
        t.equal(labels[i], raw.train.labels[position])
      })
    }
    t.same(splits.test.images, raw.test.images)
    t.same(splits.test.labels, raw.test.labels)
  }
})

t.test('val may be empty', async t => {
  for (const mode of splitModes) {
    const { train, val } = await splitDataset(rawDataset(), settings(mode, 0))
    t.same([train.count, val.count, val.images.length, val.labels.length], [50, 0, 0, 0], mode)
  }
})
