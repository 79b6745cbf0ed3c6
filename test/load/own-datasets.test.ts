import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { labelEncodings, normalizations } from '../../src/batch/options.ts'
import type { LoadedDataset } from '../../src/dataset/registry.ts'
import { splitNames } from '../../src/dataset/sample-splits.ts'
import { resolveEntry, type LoadOptions } from '../../src/load/load-dataset.ts'
import { appOver } from '../fixtures/app.ts'
import { idxFolder } from '../fixtures/idx-folder.ts'
import { load } from '../fixtures/loading.ts'
import { readSafetensors } from '../fixtures/read.ts'

/** Loads the dataset in a folder that `idxFolder` wrote. */
async function loadFolder (t: Test, folder: string, overrides: Partial<LoadOptions> = {}): Promise<LoadedDataset> {
  return await load(t, await resolveEntry('mine', folder), {
    sources: { order: ['folder'], folder, mirrors: [], openmlUrl: '', offline: true },
    split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
    prepare: { denoise: 'none', meanOver: 'train' },
    dataFolder: join(folder, '.data'),
    ...overrides
  }).loading
}

/** Requests every resource of a dataset, all of whose numbers must be finite. */
async function checkResources (t: Test, dataset: LoadedDataset): Promise<void> {
  const { app } = await appOver(t, [dataset])
  const base = '/v1/datasets/mine'
  const read = async (path: string, status = 200) => {
    const response = await app.inject(`${base}${path}`)
    t.equal(response.statusCode, status, path)
    return response
  }
  await read('')
  const { mean } = (await read('/mean')).json()
  t.ok(mean.flat().every(Number.isFinite), 'the mean image')
  for (const split of splitNames) {
    const { count } = dataset.splits[split]
    const { pixels } = (await read(`/splits/${split}`)).json()
    t.ok(Number.isFinite(pixels.mean) && Number.isFinite(pixels.std), `statistics of ${split}`)
    if (count === 0) {
      t.match((await read(`/splits/${split}/batches`, 404)).json(), { code: 'page_out_of_range', pages: 0 })
      continue
    }
    for (const normalization of normalizations) {
      for (const labels of labelEncodings) {
        const path = `/splits/${split}/batches?normalization=${normalization}&labels=${labels}`
        const { images } = (await read(path)).json()
        t.ok(images.flat().every(Number.isFinite), path)
        const tensors = readSafetensors((await read(`${path}&format=safetensors`)).rawPayload).tensors
        const { bytes, dtype } = tensors.get('images')!
        if (dtype !== 'F32') continue
        const values = new Float32Array(Uint8Array.from(bytes).buffer)
        t.ok(values.every(Number.isFinite), `${path} as safetensors`)
      }
    }
  }
}

t.test('a dataset of one class', async t => {
  const dataset = await loadFolder(t, idxFolder(t, { classes: 1 }))
  t.same(dataset.entry.classes, ['0'])
  t.same(dataset.splits.train.histogram, [16])
  await checkResources(t, dataset)
})

t.test('images of a single gray level', async t => {
  const dataset = await loadFolder(t, idxFolder(t, { pixel: () => 77 }))
  t.equal(dataset.standard[0]!.std, 1)
  await checkResources(t, dataset)
})

t.test('validation and test splits may be empty', async t => {
  const split = { mode: 'contiguous', valFraction: 0, seed: 0 } as const
  const dataset = await loadFolder(t, idxFolder(t, { test: 0 }), { split })
  t.same(splitNames.map(name => dataset.splits[name].count), [20, 0, 0])
  await checkResources(t, dataset)
})

t.test('one training sample is an error, unless val is empty', async t => {
  const folder = idxFolder(t, { train: 1 })
  await t.rejects(loadFolder(t, folder), {
    code: 'preparation_failed',
    message: 'VAL_FRACTION 0.2 puts all 1 training samples into val, which leaves none to compute statistics from'
  })
  await checkResources(t, await loadFolder(t, folder, { split: { mode: 'contiguous', valFraction: 0, seed: 0 } }))
})

t.test('images without pixels, or no images, are an error', async t => {
  for (const size of [{ rows: 0, columns: 0 }, { rows: 0 }, { columns: 0 }]) {
    await t.rejects(loadFolder(t, idxFolder(t, size)), { code: 'no_source', message: /nothing in each row$/ })
  }
  await t.rejects(loadFolder(t, idxFolder(t, { train: 0 })), {
    code: 'invalid_file',
    message: 'there are no training images'
  })
})

t.test('values of standard that float16 cannot represent are an error', async t => {
  // One of so many pixels differs, by one level, so that σ is tiny.
  const folder = idxFolder(t, { train: 2, rows: 400, columns: 400, pixel: i => Number(i === 7) })
  const dataset = await loadFolder(t, folder)
  t.ok(dataset.levels.standard[255]! > 65520)
  const { app } = await appOver(t, [dataset])
  const path = '/v1/datasets/mine/splits/train'
  for (const resource of ['batches', 'stream', 'samples/0']) {
    const response = await app.inject(`${path}/${resource}?normalization=standard&dtype=float16`)
    t.equal(response.statusCode, 400, resource)
    t.match(response.json(), { errors: [{ parameter: 'dtype', allowed: /^float32 where normalization is standard/ }] })
  }
  t.equal((await app.inject(`${path}/samples/0?normalization=standard&dtype=float32`)).statusCode, 200)
  t.equal((await app.inject(`${path}/samples/0?normalization=centered&dtype=float16`)).statusCode, 200)
})

t.test('files may be renamed between two starts, and removed while they are served', async t => {
  const folder = idxFolder(t, { prefix: 'alte Größe "1" 数-' })
  await loadFolder(t, folder)
  const mine = join(folder, 'mine')
  const oldNames = await readdir(mine)
  for (const name of oldNames) await rename(join(mine, name), join(mine, name.replace('alte Größe "1"', 'neue "2"')))

  const { app } = await appOver(t, [await loadFolder(t, folder)])
  const { provenance: { files } } = (await app.inject('/v1/datasets/mine')).json()
  t.same(files.map(({ name }: { name: string }) => name).sort(), (await readdir(mine)).sort())
  for (const { url, bytes } of files) {
    t.equal((await app.inject(url)).headers['content-length'], String(bytes))
  }

  const { app: other } = await appOver(t, [await loadFolder(t, folder, { dataFolder: join(folder, 'other') })])
  await rename(mine, join(folder, 'elsewhere'))
  const { url, name } = files[0]
  t.match((await other.inject(url)).json(), { status: 503, code: 'no_source', detail: `no source has ${name}: ` })
})
