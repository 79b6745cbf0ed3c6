import t from 'tap'
import { CompressedBodies } from '../../../src/http/response/compressed-cache.ts'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

/** Room for three bodies of this size, with what an entry takes besides. */
const BYTES = 10_000
const LIMIT = 3 * (BYTES + 512)

/** Asks for bodies of a cache, and notes which of them had to be made. */
function asking (limit = LIMIT) {
  const bodies = new CompressedBodies(limit)
  const made: string[] = []
  const get = (key: string, bytes = BYTES): Promise<Uint8Array> => bodies.get(key, async () => {
    made.push(key)
    // As small ones are: a view of memory that is larger.
    return new Uint8Array(1 << 16).subarray(0, bytes).fill(key.charCodeAt(0))
  })
  return { bodies, made, get }
}

t.test('the bodies that were asked for last are kept, up to so many bytes', async t => {
  const { made, get } = asking()
  for (const key of 'abcabca') t.ok(Buffer.alloc(BYTES, key).equals(await get(key)))
  t.same(made.splice(0), ['a', 'b', 'c'], 'each is made once')
  await get('d')
  for (const key of 'cad') await get(key)
  t.same(made.splice(0), ['d'], 'b, which was not used for longest, made room')
  await get('b')
  t.same(made.splice(0), ['b'])
  await get('e', 2 * BYTES)
  for (const key of 'eb') await get(key)
  t.same(made.splice(0), ['e'], 'a large one takes the room of two')
  await get('d')
  t.same(made, ['d'])
})

t.test('a body takes no more memory than it has bytes', async t => {
  const { get } = asking()
  await get('a')
  t.equal((await get('a')).buffer.byteLength, BYTES)
})

t.test('a body that is larger than all that may be kept pushes nothing out', async t => {
  const { made, get } = asking()
  await get('a')
  for (let i = 0; i < 2; i++) t.equal((await get('b', LIMIT)).length, LIMIT)
  await get('a')
  t.same(made, ['a', 'b', 'b'])
})

t.test('requests that come for a body while it is made wait for the same one', async t => {
  const { made, get } = asking()
  const all = await Promise.all(['a', 'b', 'a', 'a'].map(key => get(key)))
  t.same(made, ['a', 'b'])
  t.equal(all[2], all[0])
})

t.test('what cannot be made is tried again by the next one', async t => {
  const { bodies, made, get } = asking()
  const failing = (): Promise<Uint8Array> => bodies.get('a', async () => { throw new Error('no such pixels') })
  await Promise.all([t.rejects(failing(), { message: 'no such pixels' }), t.rejects(failing(), { message: 'no such pixels' })])
  await get('a')
  t.same(made, ['a'])
})

t.test('pages that every epoch has are compressed once, others whenever they are asked for', async t => {
  let made = 0
  const dataset = prepared({ train: 60, val: 2, test: 1 }, { rows: 28, columns: 28 })
  const { images } = dataset.splits.train
  const train = { ...dataset.splits.train, get images () { made++; return images } }
  // Two datasets of the same version, as one with another name is.
  const other = prepared({ train: 60, val: 2, test: 1 }, { rows: 28, columns: 28, name: 'other' })
  const { app } = await appOver(t, [{ ...dataset, splits: { ...dataset.splits, train } }, other])
  const ask = async (query: string, coding: string, name = 'made-up') => {
    const { headers, rawPayload } = await app.inject({ url: `/v1/datasets/${name}/splits/train/batches?normalization=raw&${query}`, headers: { 'accept-encoding': coding } })
    const { date: _, 'x-request-id': __, ...lasting } = headers
    return { headers: lasting, body: coding === 'identity' ? rawPayload : decompressors[coding]!.whole(rawPayload) }
  }
  for (const query of ['page=0', 'page=1&batch_size=30', 'world_size=2&rank=1&batch_size=20', 'layout=nhwc&pad=32', 'format=npz']) {
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
