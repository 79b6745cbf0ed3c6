import t from 'tap'
import { splitNames } from '../../src/dataset/sample-splits.ts'
import { createPreparedDataset, deriveArrays } from '../../src/dataset/prepared.ts'
import { prepared } from '../fixtures/prepared.ts'

t.test('derived arrays and counts equal those of plain loops', async t => {
  // More samples than one step derives; images that end within four bytes, at offsets that are not aligned to them.
  for (const { rows, columns } of [{ rows: 4, columns: 3 }, { rows: 3, columns: 3 }, { rows: 1, columns: 1 }]) {
    const { originals: _, map: __, ...dataset } = prepared({ train: 1203, val: 0, test: 201 }, { rows, columns })
    const { meanImage, levels, splits } = dataset
    const unaligned = Object.fromEntries(splitNames.map(name => {
      const { images, labels } = splits[name]
      const memory = new Uint8Array(images.length + 1)
      memory.set(images, 1)
      return [name, { images: memory.subarray(1), labels }]
    })) as Record<typeof splitNames[number], { images: Uint8Array, labels: Uint8Array }>
    for (const source of [splits, unaligned]) {
      const arrays = await deriveArrays({ meanImage, levels, splits: source }, 10)
      const pixels = { train: { mean: 0.5, std: 0.25 }, val: { mean: 0.5, std: 0.25 }, test: { mean: 0.5, std: 0.25 } }
      t.same(createPreparedDataset(dataset, { ...dataset, pixels }, arrays), dataset)
    }
  }
})

t.test('deriving yields to the event loop', async t => {
  const { meanImage, levels, splits } = prepared({ train: 20_000, val: 1, test: 1 }, { rows: 28, columns: 28 })
  let turns = 0
  const counting = setInterval(() => { turns++ }, 0)
  await deriveArrays({ meanImage, levels, splits }, 10).finally(() => clearInterval(counting))
  t.ok(turns > 2, `${turns} turns of the event loop`)
})
