import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

type Row = Record<string, unknown>

const dataset = prepared({ train: 30, val: 10, test: 5 })
const slow = prepared({ train: 3, val: 1, test: 1 }, { name: 'slow' })
const broken = prepared({ train: 1, val: 1, test: 1 }, { name: 'broken' })

t.test('the list has every dataset: ready, loading or failed', async t => {
  const { app, registry } = await appOver(t, [dataset, slow, broken])
  const progress = { stage: 'acquire', item: 'train-images-idx3-ubyte', done: 10, total: 40 } as const
  registry.progress(slow.entry, progress)
  registry.fail(broken.entry, 'no source has it')
  const { datasets, limits, formats } = (await app.inject('/v1/datasets'))
    .json<{ datasets: Row[], limits: Row, formats: Row[] }>()
  t.same(datasets.map(({ name, status }) => [name, status]), [
    ['made-up', 'ready'],
    ['slow', 'loading'],
    ['broken', 'failed']
  ])
  t.equal(datasets[0]!.version, dataset.version)
  t.same(datasets[1]!.progress, progress)
  t.equal(datasets[2]!.reason, 'no source has it')
  t.same(limits, { default_batch_size: 64, max_batch_size: 64 })
  t.same(formats.map(({ name }) => name), ['json', 'npz', 'safetensors', 'arrow'])
})

t.test('a dataset is described with its preparation and provenance', async t => {
  const { app } = await appOver(t, [dataset])
  const response = await app.inject('/v1/datasets/made-up')
  t.match(response.json(), {
    dataset: 'made-up',
    version: dataset.version,
    shape: [4, 3],
    classes: dataset.entry.classes,
    splits: { train: 30, val: 10, test: 5 },
    preparation: {
      split: 'contiguous',
      val_fraction: 0.2,
      split_seed: 0,
      denoise: 'none',
      mean_over: 'train',
      mean_count: 30,
      standard: dataset.standard[0],
      backend: 'cpu'
    },
    provenance: { licence: { name: 'CC BY-SA 3.0' }, files: [] }
  })
})

t.test('the ETag of a description depends on its content, and every client revalidates it', async t => {
  const { app } = await appOver(t, [dataset])
  const url = '/v1/datasets/made-up'
  const etag = (await app.inject(url)).headers['etag'] as string
  t.equal((await app.inject({ url, headers: { 'if-none-match': etag } })).statusCode, 304)
  const { app: replica } = await appOver(t, [{ ...dataset, backend: 'wasm' }])
  t.not((await replica.inject(url)).headers['etag'], etag, 'different bodies have different tags')
  const versioned = await app.inject(`${url}?version=${dataset.version}`)
  t.equal(versioned.headers['cache-control'], 'no-cache', 'replicas of a version may differ')
})

t.test('a description lists the files with their checksums and URLs', async t => {
  const files = [{ name: 'images', bytes: 9, sha256: 'cc', source: 'shelf', gzipped: false }]
  const gzips = [{
    name: 'images.gz', original: true, made: 'reproduced' as const, bytes: 5, md5: 'aa', sha256: 'bb'
  }]
  const { app } = await appOver(t, [{ ...dataset, files, originals: { ...dataset.originals, gzips } }])
  t.same((await app.inject('/v1/datasets/made-up')).json().provenance.files, [{
    name: 'images',
    bytes: 9,
    sha256: 'cc',
    source: 'shelf',
    url: '/v1/datasets/made-up/files/images',
    gzip: {
      url: '/v1/datasets/made-up/files/images.gz',
      original: true,
      made: 'reproduced',
      bytes: 5,
      md5: 'aa',
      sha256: 'bb'
    }
  }])
})
