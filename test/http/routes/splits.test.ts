import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })

t.test('a split is described with its statistics and the samples of each class', async t => {
  const { app } = await appOver(t, [dataset])
  const { classes, ...rest } = (await app.inject('/v1/datasets/made-up/splits/val')).json()
  t.same(rest, {
    dataset: 'made-up',
    version: dataset.version,
    split: 'val',
    count: 10,
    shape: [10, 4, 3],
    pixels: { mean: 0.5, std: 0.25 }
  })
  const labels = [...dataset.splits.val.labels]
  t.same(classes, dataset.entry.classes.map((name, label) => ({
    label, name, count: labels.filter(other => other === label).length
  })))
})
