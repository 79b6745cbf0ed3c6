import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { decompressors } from '../../fixtures/codings.ts'
import { prepared } from '../../fixtures/prepared.ts'

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
    const { date: _, 'x-request-id': __, 'server-timing': ___, ...lasting } = headers
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
