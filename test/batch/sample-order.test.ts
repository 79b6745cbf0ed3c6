import t from 'tap'
import { OrderCache, epochOrder, listedOrder, naturalOrder } from '../../src/batch/sample-order.ts'
import { shuffledOrder, shuffledOrderInSlices } from '../../src/dataset/order.ts'

/** A cache, and the orders that it has sorted. */
function createCache (maxBytes: number) {
  const sorted: number[] = []
  const cache = new OrderCache(maxBytes, async (count, seed, epoch) => {
    sorted.push(seed)
    return await shuffledOrderInSlices(count, seed, epoch)
  })
  return { cache, sorted }
}

t.test('sorting in slices gives the same order', async t => {
  for (const count of [0, 1, 10, 70_000]) {
    t.same(await shuffledOrderInSlices(count, 42, 1), shuffledOrder(count, 42, 1), `${count} samples`)
  }
})

t.test('an order is sorted once, even for concurrent requests', async t => {
  const { cache, sorted } = createCache(1000)
  const [first, second] = await Promise.all([cache.get(10, 42, 1), cache.get(10, 42, 1)])
  t.same([...first], [7, 3, 9, 0, 4, 6, 5, 2, 1, 8])
  t.equal(second, first)
  t.equal(await cache.get(10, 42, 1), first)
  t.same(sorted, [42])
})

t.test('orders of small splits take two bytes per sample, of large ones four', async t => {
  const { cache } = createCache(1 << 20)
  t.equal((await cache.get(65_536, 1, 0)).byteLength, 2 * 65_536)
  const large = await cache.get(65_537, 1, 0)
  t.equal(large.byteLength, 4 * 65_537)
  t.same(large, shuffledOrder(65_537, 1, 0))
})

t.test('a failure to sort is not cached', async t => {
  let isFailing = true
  const cache = new OrderCache(1000, async (...args) => {
    if (isFailing) throw new Error('no memory')
    return await shuffledOrderInSlices(...args)
  })
  await t.rejects(Promise.resolve(cache.get(10, 1, 0)), { message: 'no memory' })
  isFailing = false
  t.equal((await cache.get(10, 1, 0)).length, 10)
})

t.test('ids continue at the start of an order', async t => {
  const listed = listedOrder(Uint16Array.of(4, 1, 3))
  t.same([...listed.ids(1, 2)], [1, 3])
  t.same([...listed.ids(2, 5)], [3, 4, 1, 3, 4])
  t.same([...naturalOrder(3).ids(1, 2)], [1, 2])
  t.same([...naturalOrder(3).ids(2, 5)], [2, 0, 1, 2, 0])
  t.same([...listed.ids(3, 0), ...naturalOrder(0).ids(0, 0)], [])
})

t.test('ids are copies, so that a batch holds its own and not all of an order', async t => {
  const ids = listedOrder(Uint32Array.of(4, 1, 3)).ids(0, 2)
  t.equal(ids.buffer.byteLength, 8)
})

t.test('the order of an epoch has a length and is natural or not before it is sorted', async t => {
  const { cache, sorted } = createCache(1000)
  const shuffled = epochOrder(10, { seed: 42, epoch: 1 }, cache)
  t.match(shuffled, { length: 10, isNatural: false })
  const natural = epochOrder(10, { epoch: 1 }, cache)
  t.match(natural, { length: 10, isNatural: true })
  t.equal(natural.resolve(), natural)
  t.same(sorted, [])
  t.same([...(await shuffled.resolve()).ids(0, 10)], [7, 3, 9, 0, 4, 6, 5, 2, 1, 8])
  t.same(sorted, [42])
})
