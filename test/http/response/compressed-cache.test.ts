import t from 'tap'
import { CompressedCache } from '../../../src/http/response/compressed-cache.ts'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

/** Room for three bodies of this size, and what an entry takes besides. */
const BYTES = 10_000
const LIMIT = 3 * (BYTES + 512)

/** Gets bodies from a cache, and notes which of them were computed. */
function createGet (limit = LIMIT) {
  const cache = new CompressedCache(limit)
  const computed: string[] = []
  const get = (key: string, bytes = BYTES): Promise<Uint8Array> => cache.get(key, async () => {
    computed.push(key)
    // Like a small Buffer, a view of a larger one.
    return new Uint8Array(1 << 16).subarray(0, bytes).fill(key.charCodeAt(0))
  })
  return { cache, computed, get }
}

t.test('the bodies used most recently are cached, up to a number of bytes', async t => {
  const { computed, get } = createGet()
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

t.test('a body takes no more memory than it has bytes', async t => {
  const { get } = createGet()
  await get('a')
  t.equal((await get('a')).buffer.byteLength, BYTES)
})

t.test('a body larger than the cache evicts nothing', async t => {
  const { computed, get } = createGet()
  await get('a')
  for (let i = 0; i < 2; i++) t.equal((await get('b', LIMIT)).length, LIMIT)
  await get('a')
  t.same(computed, ['a', 'b', 'b'])
})

t.test('concurrent requests for a body share its computation', async t => {
  const { computed, get } = createGet()
  const all = await Promise.all(['a', 'b', 'a', 'a'].map(key => get(key)))
  t.same(computed, ['a', 'b'])
  t.equal(all[2], all[0])
})

t.test('a failed computation is not cached', async t => {
  const { cache, computed, get } = createGet()
  const failing = (): Promise<Uint8Array> => cache.get('a', async () => { throw new Error('no such pixels') })
  const message = 'no such pixels'
  await Promise.all([t.rejects(failing(), { message }), t.rejects(failing(), { message })])
  await get('a')
  t.same(computed, ['a'])
})

t.test('pages in natural order are compressed once, others for every request', async t => {
  let made = 0
  const dataset = prepared({ train: 60, val: 2, test: 1 }, { rows: 28, columns: 28 })
  const { images } = dataset.splits.train
  const train = { ...dataset.splits.train, get images () { made++; return images } }
  // Two datasets of the same version, as one with another name is.
  const other = prepared({ train: 60, val: 2, test: 1 }, { rows: 28, columns: 28, name: 'other' })
  const { app } = await appOver(t, [{ ...dataset, splits: { ...dataset.splits, train } }, other])
  const ask = async (query: string, coding: string, name = 'made-up') => {
    const url = `/v1/datasets/${name}/splits/train/batches?normalization=raw&${query}`
    const { headers, rawPayload } = await app.inject({ url, headers: { 'accept-encoding': coding } })
    const { date: _, 'x-request-id': __, ...lasting } = headers
    return { headers: lasting, body: coding === 'identity' ? rawPayload : decompressors[coding]!.whole(rawPayload) }
  }
  const sharded = 'world_size=2&rank=1&batch_size=20'
  for (const query of ['page=0', 'page=1&batch_size=30', sharded, 'layout=nhwc&pad=32', 'format=npz']) {
    const plain = await ask(query, 'identity')
    for (const coding of Object.keys(decompressors)) {
      made = 0
      const first = await ask(query, coding)
      t.ok(first.body.equals(plain.body), `${query} as ${coding}`)
      t.ok(made > 0, 'it is made')
      made = 0
      t.same(await ask(query, coding), first, 'the same again')
      t.equal(made, 0, 'and not made again')
    }
  }
  made = 0
  t.match(JSON.parse(String((await ask('page=0', 'gzip', 'other')).body)), { dataset: 'other' })
  t.match(JSON.parse(String((await ask('page=0', 'gzip')).body)), { dataset: 'made-up' })
  t.equal(made, 0)
  for (const query of ['seed=1', 'augment=noise:3']) {
    const first = await ask(query, 'gzip')
    made = 0
    t.same(await ask(query, 'gzip'), first)
    t.ok(made > 0, `${query} is made anew`)
  }
})
