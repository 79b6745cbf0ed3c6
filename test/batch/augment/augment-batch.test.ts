import t from 'tap'
import { augmentBatch } from '../../../src/batch/augment/augment-batch.ts'
import { runAugmentTask } from '../../../src/batch/augment/augment-task.ts'
import type { Selection } from '../../../src/batch/batch.ts'
import { sampleKey, shuffledOrder } from '../../../src/dataset/order.ts'
import { referenceAugmenter } from '../../fixtures/augment/reference.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 300, val: 1, test: 1 }, { rows: 28, columns: 28 })
const augmentation = { augmentations: { rotate: 15, elastic: 34, noise: 10 }, key: sampleKey(3, 1) }

function selection (start: number, count: number): Selection {
  return {
    split: 'train',
    span: { start, count, real: count },
    order: shuffledOrder(300, 3, 1),
    normalization: 'raw',
    dtype: 'uint8',
    labels: 'index',
    layout: 'flat',
    masked: false
  }
}

t.test('each image is the augmented image of its sample', async t => {
  const batch = await augmentBatch(dataset, selection(290, 20), augmentation, async task => runAugmentTask(task))
  const augment = referenceAugmenter(dataset, augmentation.augmentations)
  const images = batch.images.data()
  for (const [i, id] of batch.ids.data().entries()) {
    const expected = new Uint8Array(784)
    augment(dataset.splits.train.images.subarray(id * 784, (id + 1) * 784), expected, augmentation.key(id))
    if (!Buffer.from(images.subarray(i * 784, (i + 1) * 784)).equals(expected)) t.fail(`sample ${id}`)
    if (Number(batch.labels.data()[i]) !== dataset.splits.train.labels[id]) t.fail(`label of sample ${id}`)
  }
  t.same(batch.ids.data().slice(10), shuffledOrder(300, 3, 1).slice(0, 10), 'the order continues at its start')
})
