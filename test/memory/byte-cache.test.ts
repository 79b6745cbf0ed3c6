import t from 'tap'
import { ByteCache, type ByteCacheOptions } from '../../src/memory/byte-cache.ts'

/** Room for three values of this size, and what an entry takes besides. */
const BYTES = 10_000
const LIMIT = 3 * (BYTES + 512)

/** Gets values from a cache, and notes which of them were computed. */
function createGet (options: Partial<ByteCacheOptions> = {}) {
  const cache = new ByteCache<Uint8Array>({ maxBytes: LIMIT, entryBytes: 512, ...options })
  const computed: string[] = []
  const get = async (key: string, bytes = BYTES): Promise<Uint8Array> => await cache.get(key, async () => {
    computed.push(key)
    return new Uint8Array(bytes).fill(key.charCodeAt(0))
  })
  return { cache, computed, get }
}

t.test('the values used most recently are cached, up to a number of bytes', async t => {
  const { computed, get } = createGet({ admission: 1 })
  for (const key of 'abcabca') t.ok(Buffer.alloc(BYTES, key).equals(await get(key)))
  t.same(computed.splice(0), ['a', 'b', 'c'], 'each is computed once')
  await get('d')
  for (const key of 'cad') await get(key)
  t.same(computed.splice(0), ['d'], 'the least recently used one, b, was evicted')
  await get('b')
  t.same(computed.splice(0), ['b'])
  await get('e', 2 * BYTES)
  for (const key of 'eb') await get(key)
  t.same(computed.splice(0), ['e'], 'a large one takes the room of two')
  await get('d')
  t.same(computed, ['d'])
})

t.test('a value larger than the cache evicts nothing', async t => {
  const { computed, get } = createGet()
  await get('a')
  for (let i = 0; i < 2; i++) t.equal((await get('b', LIMIT)).length, LIMIT)
  await get('a')
  t.same(computed, ['a', 'b', 'b'])
})

t.test('concurrent requests for a value share its computation', async t => {
  const { computed, get } = createGet()
  const all = await Promise.all(['a', 'b', 'a', 'a'].map(key => get(key)))
  t.same(computed, ['a', 'b'])
  t.equal(all[2], all[0])
})

t.test('a failed computation is not cached', async t => {
  const { cache, computed, get } = createGet()
  const failing = async (): Promise<Uint8Array> => {
    return await cache.get('a', async () => { throw new Error('no such pixels') })
  }
  const message = 'no such pixels'
  await Promise.all([t.rejects(failing(), { message }), t.rejects(failing(), { message })])
  await get('a')
  t.same(computed, ['a'])
})

t.test('clients in turn that need one value more than fit do not evict each other', async t => {
  const VALUES = 50
  const { computed, get } = createGet({ maxBytes: VALUES * 1512 })
  const round = async (): Promise<void> => {
    for (let i = 0; i <= VALUES; i++) await get(`${i}`, 1000)
  }
  await round()
  computed.length = 0
  for (let i = 0; i < 10; i++) await round()
  t.ok(computed.length < 10 * VALUES / 4, `${computed.length} of ${10 * (VALUES + 1)} values are computed again`)
})

t.test('a full cache takes a value that is requested again soon', async t => {
  const { computed, get } = createGet({ admission: 0 })
  for (const key of 'abc') await get(key)
  computed.length = 0
  // As the pages of one epoch after another use their orders.
  for (const key of 'ddddeeeeffff') await get(key)
  t.same(computed, ['d', 'd', 'e', 'e', 'f', 'f'], 'each is computed twice')
})

t.test('a full cache takes no value that is requested again after many others', async t => {
  const { computed, get } = createGet({ admission: 0 })
  for (const key of 'abc') await get(key)
  const others = Array.from({ length: 17 }, (_, i) => `other ${i}`)
  for (const key of [...others, ...others]) await get(key)
  computed.length = 0
  for (const key of 'abc') await get(key)
  t.same(computed, [])
})
