import t from 'tap'
import { pageCount, pageSpan, type Paging } from '../../src/batch/page.ts'

function paging (total: number, batchSize: number, more: Partial<Paging> = {}): Paging {
  return { total, batchSize, rank: 0, worldSize: 1, remainder: 'keep', ...more }
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
