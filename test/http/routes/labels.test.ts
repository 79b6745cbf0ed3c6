import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { readNpy } from '../../fixtures/read.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })
const url = '/v1/datasets/made-up/splits/train/labels'

t.test('the labels of a split as JSON and NPY', async t => {
  const { app } = await appOver(t, [dataset])
  const labels = [...dataset.splits.train.labels]
  const { version } = dataset
  t.same((await app.inject(url)).json(), { dataset: 'made-up', version, split: 'train', count: 30, labels })
  const npy = readNpy((await app.inject(`${url}?format=npy`)).rawPayload)
  t.same([npy.dtype, npy.shape, [...npy.bytes]], ['|u1', [30], labels])
})
