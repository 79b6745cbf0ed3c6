import type { PreparedDataset } from '../../dataset/prepared.ts'
import { TIME_SLICE_MS, yieldToEventLoop } from '../../io/event-loop.ts'
import { selectBatch, selectIds, type Batch, type Selection } from '../batch.ts'
import { getAugmenter } from './augment.ts'
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
 * @throws the signal's reason
 */
export async function augmentBatch (
  dataset: PreparedDataset,
  selection: Selection,
  augmentation: Augmentation,
  signal: AbortSignal
): Promise<Batch> {
  const images = await augmentImages(dataset, selection, augmentation, signal)
  return selectBatch(dataset, { ...selection, images })
}

/** u8 images of count·rows·columns, computed in time slices between which other requests are served. */
async function augmentImages (
  dataset: PreparedDataset,
  selection: Selection,
  { augmentations, key }: Augmentation,
  signal: AbortSignal
): Promise<Uint8Array> {
  const stored = dataset.splits[selection.split].images
  const size = dataset.rows * dataset.columns
  const ids = selectIds(dataset, selection)
  const images = new Uint8Array(ids.length * size)
  const augmenter = getAugmenter(dataset)
  for (let start = 0, sliceEnd = 0; start < ids.length; start += augmenter.capacity) {
    if (performance.now() >= sliceEnd) {
      await yieldToEventLoop()
      signal.throwIfAborted()
      sliceEnd = performance.now() + TIME_SLICE_MS
    }
    const count = Math.min(augmenter.capacity, ids.length - start)
    for (let i = 0; i < count; i++) {
      const id = ids[start + i]!
      augmenter.load(i, stored.subarray(id * size, (id + 1) * size), key(id))
    }
    images.set(augmenter.augment(count, augmentations), start * size)
  }
  return images
}
