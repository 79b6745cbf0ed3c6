import t from 'tap'
import { valueCount } from '../../../src/dataset/image-shape.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 300, val: 10, test: 5 })
const size = valueCount(dataset.shape)

t.test('pixel levels, and the mean and variance image of each class', async t => {
  const { app } = await appOver(t, [dataset])
  for (const split of ['train', 'test'] as const) {
    const { images, labels, count } = dataset.splits[split]
    const body = (await app.inject(`/v1/datasets/made-up/splits/${split}/statistics`)).json()
    t.match(body, { split, count, shape: [dataset.shape.rows, dataset.shape.columns] })
    t.same(body.levels, Array.from({ length: 256 }, (_, level) => images.filter(other => other === level).length))
    for (const { label, name, count, mean, variance } of body.classes) {
      const ids = [...labels.keys()].filter(i => labels[i] === label)
      const pixels = ids.map(i => images.subarray(i * size, (i + 1) * size))
      t.same([name, count], [dataset.entry.classes[label], pixels.length])
      for (let pixel = 0; pixel < size; pixel++) {
        const values = pixels.map(image => image[pixel]! / 255)
        const expected = values.reduce((sum, value) => sum + value, 0) / (values.length || 1)
        const squares = values.reduce((sum, value) => sum + (value - expected) ** 2, 0) / (values.length || 1)
        if (Math.abs(mean.flat()[pixel] - expected) > 1e-6) t.fail(`mean of pixel ${pixel} of class ${label}`)
        if (Math.abs(variance.flat()[pixel] - squares) > 1e-6) t.fail(`variance of pixel ${pixel} of class ${label}`)
      }
    }
  }
})

t.test('they are computed once, however many clients request them', async t => {
  const { app } = await appOver(t, [dataset])
  const { compressedCache } = app.limits
  const request = () => app.inject('/v1/datasets/made-up/splits/train/statistics')
  const responses = await Promise.all(Array.from({ length: 10 }, request))
  const { rawPayload } = await request()
  for (const { statusCode, rawPayload: other } of responses) {
    t.equal(statusCode, 200)
    t.ok(other.equals(rawPayload))
  }
  t.same([compressedCache.misses, compressedCache.hits], [1, 10])
})
