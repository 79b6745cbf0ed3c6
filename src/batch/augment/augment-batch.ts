import type { PreparedDataset } from '../../dataset/prepared.ts'
import { sharedBytes } from '../../io/bytes.ts'
import { selectBatch, selectIds, type Batch, type Selection } from '../batch.ts'
import type { AugmentTask } from './augment-task.ts'
import type { Augmentations } from './augmentations.ts'

/** Augmentations, and the random numbers that they use. */
export interface Augmentation {
  readonly augmentations: Augmentations
  /** The key of a sample, u32, which all its random numbers derive from. */
  readonly key: (id: number) => number
}

/**
 * The batch of a selection with augmented images.
 *
 * @param run augments the samples of a task
 */
export async function augmentBatch (
  dataset: PreparedDataset,
  selection: Selection,
  { augmentations, key }: Augmentation,
  run: (task: AugmentTask) => Promise<void>
): Promise<Batch> {
  const { rows, columns } = dataset
  const ids = selectIds(dataset, selection)
  const images = sharedBytes(ids.length * rows * columns)
  await run({
    rows,
    columns,
    images: dataset.splits[selection.split].images,
    ids,
    keys: ids.map(key),
    augmentations,
    target: images
  })
  return selectBatch(dataset, { ...selection, images })
}
