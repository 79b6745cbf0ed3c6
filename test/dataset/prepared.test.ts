import t from 'tap'
import { createPreparedDataset } from '../../src/dataset/prepared.ts'
import { perSplit } from '../../src/dataset/sample-splits.ts'
import { prepared } from '../fixtures/prepared.ts'

t.test('counts are those of plain loops', async t => {
  const { originals: _, map: __, ...dataset } = prepared({ train: 1203, val: 0, test: 201 })
  const pixels = perSplit(() => [{ mean: 0.5, std: 0.25 }])
  t.same(createPreparedDataset(dataset, { ...dataset, pixels }, dataset), dataset)
})
