import t from 'tap'
import type { DatasetMap, MapProgress } from '../../../src/dataset/dataset-map.ts'
import { ServiceError } from '../../../src/errors.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { readNpy } from '../../fixtures/read.ts'

const made = prepared({ train: 3, val: 0, test: 1 })
const url = '/v1/datasets/made-up/splits/train/map'
const map: DatasetMap = {
  points: { train: Float32Array.of(0.1, 2, -3, 4.5, 5, 6), val: new Float32Array(), test: Float32Array.of(7, 8) },
  duplicates: [{ first: { split: 'train', id: 0, label: 1 }, second: { split: 'test', id: 0, label: 1 }, distance: 0 }],
  suspects: [{ split: 'train', id: 2, label: 1, suggested: 7, votes: 14, own: 0, neighbours: 15, ratio: 1.7 }],
  hash: '00112233aabbccdd'
}

t.test('the map of a split as JSON and NPY, and the findings', async t => {
  const { app } = await appOver(t, [{ ...made, map: { get: async () => map } }])
  const { version } = made
  const { json, headers } = await app.inject(url)
  t.same(json(), { dataset: 'made-up', version, split: 'train', count: 3, points: [[0.1, 2], [-3, 4.5], [5, 6]] })
  t.match(headers.etag, /00112233aabbccdd/)
  const npy = readNpy((await app.inject(`${url}?format=npy`)).rawPayload)
  t.same([npy.dtype, npy.shape, Buffer.from(npy.bytes)], ['<f4', [3, 2], Buffer.from(map.points.train.buffer)])
  t.same((await app.inject(url.replace('train', 'val'))).json().points, [])
  const { duplicates, suspects } = map
  const findings = (await app.inject('/v1/datasets/made-up/findings')).json()
  t.same(findings, { dataset: 'made-up', version, duplicates, suspects })
})

t.test('a map that is being computed is a 202, and one that cannot be computed a 503', async t => {
  const progress: MapProgress = { stage: 'layout', done: 0.5 }
  const get = async (): Promise<MapProgress> => {
    if (progress.done < 1) return progress
    throw new ServiceError('map_failed', 'out of memory', { retryAfter: 9 })
  }
  const { app } = await appOver(t, [{ ...made, map: { get } }])
  for (const path of [url, `${url}?format=npy`, '/v1/datasets/made-up/findings']) {
    const { statusCode, headers, json } = await app.inject(path)
    t.same(json(), { status: 'computing', stage: 'layout', done: 0.5 })
    t.match([statusCode, headers], [202, { 'retry-after': '1', 'cache-control': 'no-store', etag: undefined }])
  }
  Object.assign(progress, { done: 1 })
  const { statusCode, headers, json } = await app.inject(url)
  t.match([statusCode, headers['retry-after'], json().code], [503, '9', 'map_failed'])
})
