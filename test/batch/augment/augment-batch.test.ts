import t from 'tap'
import { augmentBatch, augmentedNormalization } from '../../../src/batch/augment/augment-batch.ts'
import { runAugmentTask, type AugmentTask } from '../../../src/batch/augment/augment-task.ts'
import type { Selection } from '../../../src/batch/batch.ts'
import { listedOrder } from '../../../src/batch/sample-order.ts'
import { sampleKey, shuffledOrder } from '../../../src/dataset/order.ts'
import { bytesOfChunk, type PooledChunk } from '../../../src/memory/chunk.ts'
import { referenceAugmenter } from '../../fixtures/augment/reference.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 300, val: 1, test: 1 }, { rows: 28, columns: 28 })
const augmentation = { augmentations: { rotate: 15, elastic: 34, noise: 10 }, key: sampleKey(3, 1) }

const inThisThread = {
  run: async (task: AugmentTask): Promise<void> => runAugmentTask(task),
  releaseWhenSent: (): void => {}
}

function selection (start: number, count: number): Selection {
  return {
    split: 'train',
    span: { start, count, real: count },
    order: listedOrder(shuffledOrder(300, 3, 1)),
    normalization: 'raw',
    dtype: 'uint8',
    labels: 'index',
    layout: 'flat',
    masked: false
  }
}

t.test('each image is the augmented image of its sample', async t => {
  const batch = await augmentBatch(dataset, selection(290, 20), augmentation, undefined, inThisThread)
  const augment = referenceAugmenter(dataset.shape, augmentation.augmentations)
  const images = batch.images.data()
  for (const [i, id] of batch.ids.data().entries()) {
    const expected = new Uint8Array(784)
    augment(dataset.splits.train.images.subarray(id * 784, (id + 1) * 784), expected, augmentation.key(id))
    if (!Buffer.from(images.subarray(i * 784, (i + 1) * 784)).equals(expected)) t.fail(`sample ${id}`)
    if (Number(batch.labels.data()[i]) !== dataset.splits.train.labels[id]) t.fail(`label of sample ${id}`)
  }
  t.same(batch.ids.data().slice(10), shuffledOrder(300, 3, 1).slice(0, 10), 'the order continues at its start')
})

for (const normalization of ['centered', 'unit', 'standard'] as const) {
  t.test(`images that are normalized where they are augmented have the same ${normalization} values`, async t => {
    const options = { ...selection(150, 200), normalization, dtype: 'float32' } as const
    const inThreads = augmentedNormalization(dataset, options)
    t.ok(inThreads)
    const expected = await augmentBatch(dataset, options, augmentation, undefined, inThisThread)
    const batch = await augmentBatch(dataset, options, augmentation, inThreads, inThisThread)
    t.ok(Buffer.from(batch.images.data().buffer).equals(Buffer.from(expected.images.data().buffer)))
    t.ok(Buffer.from(bytesOfChunk(batch.images.chunk())).equals(bytesOfChunk(expected.images.chunk())))
    t.same(batch.images.shape, [200, 784])
    t.throws(() => batch.copyPixels(0, 1), /no pixels/)
  })
}

t.test('what is not float32, padded or large is normalized where it is sent', async t => {
  const options = { ...selection(0, 100), normalization: 'centered', dtype: 'float32' } as const
  t.ok(augmentedNormalization(dataset, options))
  const others: Array<Partial<Selection>> = [
    { normalization: 'raw', dtype: 'uint8' },
    { dtype: 'float16' },
    { pad: 32 },
    { span: { start: 0, count: 1400, real: 1400 } }
  ]
  for (const other of others) t.notOk(augmentedNormalization(dataset, { ...options, ...other }), JSON.stringify(other))
})

t.test('the memory of images is held until it may be reused, unless augmenting them fails', async t => {
  const options = { ...selection(0, 90), normalization: 'unit', dtype: 'float32' } as const
  for (const normalization of [undefined, augmentedNormalization(dataset, options)]) {
    const held: PooledChunk[] = []
    const work = { ...inThisThread, releaseWhenSent: (chunk: PooledChunk) => { held.push(chunk) } }
    await augmentBatch(dataset, options, augmentation, normalization, work)
    t.equal(held.length, 1)
    const failing = { ...work, run: async () => { throw new Error('gone') } }
    await t.rejects(augmentBatch(dataset, options, augmentation, normalization, failing), { message: 'gone' })
    t.equal(held.length, 1, 'threads may still be writing')
  }
})
