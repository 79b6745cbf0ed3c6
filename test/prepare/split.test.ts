import t from 'tap'
import { splitModes, type SplitSettings } from '../../src/dataset/settings.ts'
import type { RawDataset } from '../../src/dataset/splits.ts'
import { mix, sampleKey, shuffledOrder } from '../../src/dataset/order.ts'
import { pageCount, pageSpan, type Paging } from '../../src/batch/page.ts'
import { partition, splitDataset } from '../../src/prepare/split.ts'

const made = (length: number, values: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => mix(i ^ mix(seed)) % values)
const settings = (mode: SplitSettings['mode'], valFraction: number, seed = 0): SplitSettings => ({ mode, valFraction, seed })

/** Each of 0 … count−1 exactly once, whatever the order. */
function isPermutation (positions: ArrayLike<number>, count: number): boolean {
  const seen = new Set(Array.from(positions))
  return positions.length === count && seen.size === count && Array.from(seen).every(i => i >= 0 && i < count)
}

t.test('mix is the finalizer of MurmurHash3', async t => {
  t.same([0, 1, 2, 0xffffffff].map(mix), [0, 0x514e28b7, 0x30f4c306, 0x81f16f39])
  t.equal(mix(-1), mix(0xffffffff), 'values are taken modulo 2³²')
})

t.test('the order of an epoch: vectors that anyone can recompute', async t => {
  const vectors: Array<[count: number, seed: number, epoch: number, order: string]> = [
    [10, 0, 0, '9 6 1 0 5 8 7 2 3 4'],
    [10, 0, 1, '3 7 9 8 6 4 1 0 2 5'],
    [10, 1, 0, '2 6 4 1 0 9 3 7 8 5'],
    [10, 42, 1, '7 3 9 0 4 6 5 2 1 8'],
    [10, 4294967295, 7, '0 6 4 3 2 5 1 8 9 7'],
    [48000, 42, 0, '30747 16710 36672 17277 47917 23423 43500 37114']
  ]
  for (const [count, seed, epoch, order] of vectors) {
    t.equal(shuffledOrder(count, seed, epoch).slice(0, order.split(' ').length).join(' '), order, `${count} samples, seed ${seed}, epoch ${epoch}`)
  }
})

t.test('the order of an epoch is that of the keys, by a second way of sorting', async t => {
  for (const [count, seed, epoch] of [[0, 3, 4], [1, 3, 4], [60000, 0xdeadbeef, 0xffffffff]] as const) {
    const key = sampleKey(seed, epoch)
    const keys = Array.from({ length: count }, (_, i) => key(i))
    t.equal(new Set(keys).size, count, 'no keys tie')
    const expected = Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!)
    t.equal(Buffer.compare(Buffer.from(shuffledOrder(count, seed, epoch).buffer), Buffer.from(Uint32Array.from(expected).buffer)), 0)
  }
})

t.test('partition: every training sample is in train or val, exactly once', async t => {
  for (const mode of splitModes) {
    for (const count of [0, 1, 2, 9, 100, 1013]) {
      for (const fraction of [0, 0.001, 0.07, 0.2, 1 / 3, 0.5, 0.999]) {
        for (const seed of [0, 1, 0xffffffff]) {
          const { train, val } = partition(made(count, 10, seed), settings(mode, fraction, seed))
          const what = `${mode}, ${fraction} of ${count}, seed ${seed}`
          if (!isPermutation([...train, ...val], count)) t.fail(`not every sample once: ${what}`)
          // In whole numbers, since 0.07 · 100 is more than 7 in binary.
          const expected = fraction === 1 / 3 ? Math.ceil(count / 3) : Math.ceil(count * Math.round(fraction * 1000) / 1000)
          if (val.length !== expected) t.fail(`val has ${val.length}, not ${expected}: ${what}`)
        }
      }
    }
    t.pass(mode)
  }
})

t.test('partition: sizes', async t => {
  for (const [count, fraction, expected] of [[60000, 0.2, 12000], [100, 0.07, 7], [100, 0, 0], [10, 0.01, 1], [3, 0.5, 2], [100, 0.29, 29]] as const) {
    for (const mode of splitModes) {
      t.equal(partition(made(count, 10), settings(mode, fraction)).val.length, expected, `${mode}: ${fraction} of ${count}`)
    }
  }
})

t.test('partition: contiguous cuts off the end', async t => {
  const { train, val } = partition(made(60000, 10), settings('contiguous', 0.2, 5))
  t.same([train[0], train.at(-1), val[0], val.at(-1)], [0, 47999, 48000, 59999])
  t.ok(train.every((position, i) => position === i))
  t.ok(val.every((position, i) => position === 48000 + i))
})

t.test('partition: shuffled keeps the order of its seed', async t => {
  const { train, val } = partition(made(10, 3), settings('shuffled', 0.3, 1))
  t.same([[...train], [...val]], [[2, 6, 4, 1, 0, 9, 3], [7, 8, 5]])
})

t.test('partition: stratified gives each class its share', async t => {
  // Classes of very unequal sizes, one of them of a single sample.
  const labels = Uint8Array.from({ length: 2003 }, (_, i) => i === 7 ? 9 : [0, 0, 0, 0, 0, 1, 1, 2, 3, 3][mix(i) % 10]!)
  for (const [fraction, seed] of [[0.2, 0], [0.07, 3], [0.5, 4], [0.999, 5], [0.0005, 6]] as const) {
    const { train, val } = partition(labels, settings('stratified', fraction, seed))
    t.equal(val.length, Math.ceil(labels.length * fraction))
    for (let label = 0; label < 10; label++) {
      const of = (positions: Iterable<number>): number => [...positions].filter(i => labels[i] === label).length
      const exact = of(labels.keys()) * val.length / labels.length
      if (Math.abs(of(val) - exact) >= 1) t.fail(`class ${label} has ${of(val)} in val, exact is ${exact}`)
    }
    const rank = new Map([...shuffledOrder(labels.length, seed, 0)].map((position, at) => [position, at]))
    for (const part of [train, val]) {
      t.ok(part.every((position, i) => i === 0 || rank.get(part[i - 1]!)! < rank.get(position)!), 'in the order of the seed')
    }
  }
})

t.test('partition: the same settings give the same parts, another seed others', async t => {
  const labels = made(500, 10)
  const val = (mode: SplitSettings['mode'], seed: number): number[] => [...partition(labels, settings(mode, 0.2, seed)).val]
  for (const mode of ['shuffled', 'stratified'] as const) {
    t.same(val(mode, 8), val(mode, 8))
    t.notSame(val(mode, 8).sort(), val(mode, 9).sort())
  }
  t.notSame(val('shuffled', 8), val('stratified', 8))
  t.same(val('contiguous', 8), val('contiguous', 9))
})

function paging (total: number, batchSize: number, more: Partial<Paging> = {}): Paging {
  return { total, batchSize, rank: 0, worldSize: 1, remainder: 'keep', ...more }
}

t.test('pages are the whole split, in order, each sample once', async t => {
  for (let total = 0; total <= 130; total++) {
    for (const batchSize of [1, 2, 3, 7, 64, 128, 129, 1000]) {
      const seen: number[] = []
      const pages = pageCount(paging(total, batchSize))
      for (let page = 0; page < pages; page++) {
        const { start, count, real } = pageSpan(paging(total, batchSize), page)
        if (count !== real || count < 1 || count > batchSize || (count < batchSize && page < pages - 1)) t.fail(`page ${page} of ${total}/${batchSize} is ${count} from ${start}`)
        for (let i = start; i < start + count; i++) seen.push(i)
      }
      if (seen.length !== total || seen.some((position, i) => position !== i)) t.fail(`pages of ${total}/${batchSize}`)
    }
  }
  t.same([pageCount(paging(48000, 128)), pageCount(paging(10000, 128)), pageCount(paging(0, 128))], [375, 79, 0])
  t.same(pageSpan(paging(10000, 128), 78), { start: 9984, count: 16, real: 16 })
})

t.test('shards: ranks take turns within a page', async t => {
  const shard = (rank: number, remainder: Paging['remainder']) => paging(100, 16, { rank, worldSize: 3, remainder })
  t.same((['keep', 'drop', 'pad'] as const).map(remainder => pageCount(shard(0, remainder))), [3, 2, 3])
  t.same([0, 1, 2].map(rank => pageSpan(shard(rank, 'keep'), 1).start), [48, 64, 80])
  t.same([0, 1, 2].map(rank => pageSpan(shard(rank, 'keep'), 2)), [{ start: 96, count: 4, real: 4 }, { start: 112, count: 0, real: 0 }, { start: 128, count: 0, real: 0 }])
  t.same([0, 1, 2].map(rank => pageSpan(shard(rank, 'pad'), 2)), [{ start: 96, count: 16, real: 4 }, { start: 112, count: 16, real: 0 }, { start: 128, count: 16, real: 0 }])
})

function rawDataset (): RawDataset {
  return {
    rows: 2,
    columns: 3,
    train: { count: 50, images: made(300, 256), labels: made(50, 4, 1) },
    test: { count: 7, images: made(42, 256, 2), labels: made(7, 4, 3) }
  }
}

t.test('splitDataset: contiguous splits are views', async t => {
  const raw = rawDataset()
  const { train, val, test } = splitDataset(raw, settings('contiguous', 0.2))
  t.same([train.count, val.count, test.count], [40, 10, 7])
  t.equal(train.images.buffer, raw.train.images.buffer)
  t.equal(val.images.buffer, raw.train.images.buffer)
  t.equal(val.labels.buffer, raw.train.labels.buffer)
  t.same([val.images.byteOffset, val.images.length], [240, 60])
  t.same([val.labels.byteOffset, val.labels.length], [40, 10])
  t.equal(test, raw.test)
})

t.test('splitDataset: other splits are copies of the right samples', async t => {
  const raw = rawDataset()
  for (const mode of ['shuffled', 'stratified'] as const) {
    const parts = partition(raw.train.labels, settings(mode, 0.2, 3))
    const splits = splitDataset(raw, settings(mode, 0.2, 3))
    for (const name of ['train', 'val'] as const) {
      const { count, images, labels } = splits[name]
      t.equal(count, parts[name].length)
      t.equal(images.length, count * 6)
      t.not(images.buffer, raw.train.images.buffer)
      parts[name].forEach((position, i) => {
        t.same(images.subarray(i * 6, i * 6 + 6), raw.train.images.subarray(position * 6, position * 6 + 6))
        t.equal(labels[i], raw.train.labels[position])
      })
    }
  }
})

t.test('splitDataset: val may be empty', async t => {
  for (const mode of splitModes) {
    const { train, val } = splitDataset(rawDataset(), settings(mode, 0))
    t.same([train.count, val.count, val.images.length, val.labels.length], [50, 0, 0, 0], mode)
  }
})
