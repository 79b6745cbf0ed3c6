import t from 'tap'
import { pageCount, pageSpan, type Paging } from '../../src/batch/page.ts'
import { mix } from '../../src/dataset/order.ts'

function paging (total: number, batchSize: number, more: Partial<Paging> = {}): Paging {
  return { order: { length: total }, offset: 0, batchSize, rank: 0, worldSize: 1, remainder: 'keep', ...more }
}

t.test('pages cover the whole split, in order, each sample once', async t => {
  const totals = [...Array.from({ length: 20 }, (_, i) => i), 63, 64, 65, 127, 128, 129, 130]
  for (const total of totals) {
    for (const batchSize of [1, 2, 3, 7, 64, 128, 129, 1000]) {
      const seen: number[] = []
      const pages = pageCount(paging(total, batchSize))
      for (let page = 0; page < pages; page++) {
        const { start, count, real } = pageSpan(paging(total, batchSize), page)
        const isShort = count < batchSize && page < pages - 1
        if (count !== real || count < 1 || count > batchSize || isShort) {
          t.fail(`page ${page} of ${total}/${batchSize} is ${count} from ${start}`)
        }
        for (let i = start; i < start + count; i++) seen.push(i)
      }
      if (seen.length !== total || seen.some((position, i) => position !== i)) t.fail(`pages of ${total}/${batchSize}`)
    }
  }
  t.same([pageCount(paging(48000, 128)), pageCount(paging(10000, 128)), pageCount(paging(0, 128))], [375, 79, 0])
  t.same(pageSpan(paging(10000, 128), 78), { start: 9984, count: 16, real: 16 })
})

t.test('ranks divide each page among them', async t => {
  const shard = (rank: number, remainder: Paging['remainder']) => paging(100, 16, { rank, worldSize: 3, remainder })
  t.same((['keep', 'drop', 'pad'] as const).map(remainder => pageCount(shard(0, remainder))), [3, 2, 3])
  t.same([0, 1, 2].map(rank => pageSpan(shard(rank, 'keep'), 1).start), [48, 64, 80])
  t.same([0, 1, 2].map(rank => pageSpan(shard(rank, 'keep'), 2)), [
    { start: 96, count: 4, real: 4 },
    { start: 112, count: 0, real: 0 },
    { start: 128, count: 0, real: 0 }
  ])
  t.same([0, 1, 2].map(rank => pageSpan(shard(rank, 'pad'), 2)), [
    { start: 96, count: 16, real: 4 },
    { start: 112, count: 16, real: 0 },
    { start: 128, count: 16, real: 0 }
  ])
})

t.test('an epoch that is continued with any batch sizes and world sizes covers each position once', async t => {
  let words = 0
  const random = (below: number): number => mix(words++) % below
  for (let epoch = 0; epoch < 2000; epoch++) {
    const total = random(300)
    const counts = new Uint8Array(total)
    for (let offset = 0, isFinished = false; !isFinished;) {
      const remainder = (['keep', 'drop', 'pad'] as const)[random(3)]!
      const world = paging(total, 1 + random(40), { offset, worldSize: 1 + random(5), remainder })
      const pages = pageCount(world)
      // A run stops after some of its pages, or reads all of them.
      const read = Math.min(pages, random(4) === 0 ? pages : random(6))
      for (let page = 0; page < read; page++) {
        for (let rank = 0; rank < world.worldSize; rank++) {
          const { start, count, real } = pageSpan({ ...world, rank }, page)
          if (count !== (remainder === 'keep' ? real : world.batchSize)) t.fail(`${remainder}: ${count} and ${real}`)
          for (let position = start; position < start + real; position++) counts[position]!++
        }
      }
      offset = Math.min(total, offset + read * world.batchSize * world.worldSize)
      isFinished = read === pages && remainder !== 'drop'
      if (isFinished && offset !== total) t.fail(`${pages} pages end at ${offset} of ${total}`)
    }
    if (counts.some(count => count !== 1)) t.fail(`an epoch of ${total}: ${counts}`)
  }
  t.ok(words > 10_000)
})

t.test('an offset shifts the pages, and nothing follows the last sample', async t => {
  const from = (offset: number, remainder: Paging['remainder']) => {
    return paging(100, 16, { offset, rank: 1, worldSize: 2, remainder })
  }
  t.same([0, 4, 5, 99, 100].map(offset => pageCount(from(offset, 'keep'))), [4, 3, 3, 1, 0])
  t.same([0, 4, 5, 99, 100].map(offset => pageCount(from(offset, 'drop'))), [3, 3, 2, 0, 0])
  t.same([0, 4, 5, 99, 100].map(offset => pageCount(from(offset, 'pad'))), [4, 3, 3, 1, 0])
  t.same(pageSpan(from(5, 'keep'), 0), { start: 21, count: 16, real: 16 })
  t.same(pageSpan(from(5, 'keep'), 2), { start: 85, count: 15, real: 15 })
  t.same(pageSpan(from(99, 'pad'), 0), { start: 115, count: 16, real: 0 })
})
