import { decode as decodePng } from 'fast-png'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { readNpy } from '../../fixtures/read.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })
const url = '/v1/datasets/made-up/mean'

t.test('the mean image as JSON, nested by rows, in the shortest decimals', async t => {
  const { app } = await appOver(t, [dataset])
  const body = (await app.inject(url)).json()
  t.match(body, { dataset: 'made-up', mean_over: 'train', count: 30, shape: [4, 3], dtype: 'float32' })
  t.same(body.mean.map((row: number[]) => row.length), [3, 3, 3, 3])
  t.same(Float32Array.from(body.mean.flat()), dataset.meanImage)
  t.same(body.mean.flat().map(Math.fround), [...dataset.meanImage])
})

t.test('the mean image as NPY and PNG', async t => {
  const { app } = await appOver(t, [dataset])
  const npy = readNpy((await app.inject(`${url}?format=npy`)).rawPayload)
  t.same([npy.dtype, npy.shape], ['<f4', [4, 3]])
  t.ok(npy.bytes.equals(Buffer.from(dataset.meanImage.buffer)))

  const png = await app.inject({ url, headers: { accept: 'image/avif,image/*;q=0.8' } })
  t.equal(png.headers['content-type'], 'image/png')
  const levels = Uint8Array.from(dataset.meanImage, value => Math.round(value * 255))
  t.same(Uint8Array.from(decodePng(png.rawPayload).data), levels)

  const npz = await app.inject(`${url}?format=npz`)
  t.match(npz.json(), { errors: [{ parameter: 'format', allowed: 'one of json, npy, png' }] })
})
