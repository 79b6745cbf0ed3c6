import t from 'tap'
import { perSplit, type SplitName } from '../../src/dataset/sample-splits.ts'
import { computeMap } from '../../src/map/compute-map.ts'
import type { MapInput } from '../../src/map/findings.ts'
import { findNeighbours } from '../../src/map/nearest-neighbours.ts'
import { fitComponents, shrink } from '../../src/map/principal-components.ts'
import { randomSource } from '../../src/map/random-source.ts'

const SIDE = 8
const CLASSES = 3

/** Noisy images of three classes, each with a bright block of its own, in the last plane only. */
function madeUp (counts: Record<SplitName, number>, channels: 1 | 3 = 1): MapInput {
  const random = randomSource(5)
  return {
    shape: { channels, rows: SIDE, columns: SIDE },
    splits: perSplit(name => {
      const labels = Uint8Array.from({ length: counts[name] }, (_, i) => i % CLASSES)
      const images = Uint8Array.from({ length: counts[name] * channels * SIDE ** 2 }, (_, i) => {
        const row = Math.floor(i / SIDE) % SIDE
        const plane = Math.floor(i / SIDE ** 2)
        const isLit = plane % channels === channels - 1 &&
          Math.floor(row * CLASSES / SIDE) === Math.floor(plane / channels) % CLASSES
        return (isLit ? 180 : 0) + random() % 60
      })
      return { images, labels }
    })
  }
}

for (const channels of [1, 3] as const) {
  t.test(`similar samples are close to each other, in every split, and maps are reproducible, ${channels}`, async t => {
    const input = madeUp({ train: 90, val: 9, test: 30 }, channels)
    const map = computeMap(input)
    t.same(computeMap(input), map)
    const centers = Array.from({ length: CLASSES }, (_, label) => [0, 1].map(axis => {
      const values = [...map.points.train].filter((_, i) => i % 2 === axis && (i >> 1) % CLASSES === label)
      return values.reduce((sum, value) => sum + value, 0) / values.length
    }))
    for (const [name, { labels }] of Object.entries(input.splits)) {
      const points = map.points[name as SplitName]
      t.equal(points.length, 2 * labels.length)
      const nearest = Array.from(labels, (_, i) => {
        const distances = centers.map(([x, y]) => Math.hypot(points[2 * i]! - x!, points[2 * i + 1]! - y!))
        return distances.indexOf(Math.min(...distances))
      })
      t.same(nearest, [...labels], name)
    }
  })
}

t.test('wrong labels and duplicates are found, and the most certain come first', async t => {
  const input = madeUp({ train: 90, val: 0, test: 30 })
  const { train, test } = input.splits
  train.labels[4] = 2
  test.labels[9] = 1
  test.images.set(train.images.subarray(7 * SIDE ** 2, 8 * SIDE ** 2), 3 * SIDE ** 2)
  test.labels[3] = 1
  const { suspects, duplicates } = computeMap(input)
  t.same(suspects.map(({ split, id, label, suggested }) => [split, id, label, suggested]), [
    ['train', 4, 2, 1], ['test', 9, 1, 0]
  ])
  for (const { votes, own, neighbours, ratio } of suspects) {
    t.ok(votes + own <= neighbours && 3 * votes >= 2 * neighbours)
    t.ok(ratio > 1.2, 'far from its own label')
  }
  const across = duplicates.filter(({ first, second }) => first.split === 'train' && second.split === 'test')
  t.same(across[0], {
    first: { split: 'train', id: 7, label: 1 }, second: { split: 'test', id: 3, label: 1 }, distance: 0
  })
  t.ok(across.every(({ distance }, i) => i === 0 || distance >= across[i - 1]!.distance))
})

t.test('datasets of few or equal samples have a map as well', async t => {
  for (const counts of [{ train: 1, val: 0, test: 0 }, { train: 2, val: 1, test: 0 }, { train: 20, val: 0, test: 3 }]) {
    const input = madeUp(counts)
    for (const { images } of Object.values(input.splits)) images.fill(0)
    const { points, duplicates } = computeMap(input)
    t.same(perSplit(name => points[name].length / 2), counts)
    for (const values of Object.values(points)) t.ok(values.every(Number.isFinite))
    t.ok(duplicates.every(({ distance }) => distance === 0))
  }
})

t.test('nearest neighbours are those of a plain search', async t => {
  const [count, dimensions, k] = [400, 5, 6]
  const random = randomSource(8)
  const points = Float32Array.from({ length: count * dimensions }, () => random() / 2 ** 32)
  const { ids, distances } = findNeighbours(points, count, dimensions, k)
  let found = 0
  for (let i = 0; i < count; i++) {
    const squared = (j: number): number => {
      let sum = 0
      for (let d = 0; d < dimensions; d++) sum += (points[i * dimensions + d]! - points[j * dimensions + d]!) ** 2
      return sum
    }
    const expected = [...points.keys()].slice(0, count).filter(j => j !== i).sort((a, b) => squared(a) - squared(b))
    const row = ids.subarray(i * k, (i + 1) * k)
    for (const j of expected.slice(0, k)) if (row.includes(j)) found++
    for (const [n, j] of row.entries()) {
      if (Math.abs(distances[i * k + n]! - squared(j)) > 1e-6) t.fail(`distance of ${i} and ${j}`)
    }
  }
  t.ok(found >= 0.99 * count * k, `${found} of ${count * k}`)
})

t.test('components are orthonormal, and the first has the largest variance', async t => {
  const { splits: { train } } = madeUp({ train: 60, val: 0, test: 0 })
  const { axes, dimensions } = fitComponents({ pixels: train.images, count: 60, size: SIDE ** 2 }, 3)
  const axis = (d: number): Float64Array => axes.subarray(d * SIDE ** 2, (d + 1) * SIDE ** 2)
  const dot = (a: Float64Array, b: ArrayLike<number>): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const spread = (d: number): number => {
    const values = Array.from({ length: 60 }, (_, i) => dot(axis(d), train.images.subarray(i * SIDE ** 2)))
    const mean = values.reduce((sum, value) => sum + value, 0) / 60
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  }
  for (let a = 0; a < dimensions; a++) {
    for (let b = 0; b <= a; b++) t.ok(Math.abs(dot(axis(a), axis(b)) - Number(a === b)) < 1e-9)
  }
  t.ok(spread(0) >= spread(1) && spread(1) > 10 * spread(2), 'two directions separate three classes')
})

t.test('large images are averaged', async t => {
  const pixels = Uint8Array.from({ length: 2 * 56 * 30 }, (_, i) => i % 30 < 15 ? 100 : 200)
  const small = shrink(pixels, 2, { channels: 1, rows: 56, columns: 30 })
  t.match(small, { count: 2, size: 28 * 28 })
  t.same([small.pixels.length, small.pixels[0], small.pixels[27]], [2 * 28 * 28, 100, 200])
  const colour = shrink(pixels.subarray(0, 3 * 32 * 30), 1, { channels: 3, rows: 32, columns: 30 })
  t.match(colour, { count: 1, size: 3 * 16 * 16 })
  t.same([0, 15, 16, 256, 271].map(i => colour.pixels[i]), [100, 200, 100, 100, 200], 'each plane by itself')
})
