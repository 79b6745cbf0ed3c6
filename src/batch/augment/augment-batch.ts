import type { PreparedDataset } from '../../dataset/prepared.ts'
import { sharedBufferPool } from '../../io/buffer-pool.ts'
import { sharedBytes } from '../../io/bytes.ts'
import { selectBatch, selectIds, type Batch, type Selection } from '../batch.ts'
import { floatNormalization, type FloatNormalization, type NormalizerOptions } from '../normalize.ts'
import type { AugmentTask } from './augment-task.ts'
import type { Augmentations } from './augmentations.ts'

/** Augmentations, and the random numbers that they use. */
export interface Augmentation {
  readonly augmentations: Augmentations
  /** The key of a sample, u32, which all its random numbers derive from. */
  readonly key: (id: number) => number
}

/** Bytes of values up to which a batch is normalized as a whole: a socket's buffers take them from a slow reader. */
const MAX_VALUES_BYTES = 1 << 21

/**
 * How the images of a batch are normalized where they are augmented; undefined if they are not, since their values are
 * not float32, or too large.
 */
export function augmentedNormalization (
  dataset: PreparedDataset,
  selection: NormalizerOptions & Pick<Selection, 'span'>
): FloatNormalization | undefined {
  const isSmall = 4 * selection.span.count * dataset.rows * dataset.columns <= MAX_VALUES_BYTES
  return isSmall ? floatNormalization(dataset, selection) : undefined
}

/**
 * The batch of a selection with augmented images.
 *
 * @param normalization makes a batch that has float32 values and no pixels
 * @param run augments the samples of a task
 */
export async function augmentBatch (
  dataset: PreparedDataset,
  selection: Selection,
  { augmentations, key }: Augmentation,
  normalization: FloatNormalization | undefined,
  run: (task: AugmentTask) => Promise<void>
): Promise<Batch> {
  const { rows, columns } = dataset
  const ids = selectIds(dataset, selection)
  const count = ids.length * rows * columns
  const { images } = dataset.splits[selection.split]
  const task = { rows, columns, images, ids, keys: ids.map(key), augmentations, normalization }
  if (!normalization) {
    const pixels = sharedBytes(count)
    await run({ ...task, target: pixels })
    return selectBatch(dataset, { ...selection, images: { pixels } })
  }
  const values = sharedBufferPool.pooledChunk(4 * count)
  await run({ ...task, target: new Float32Array(values.bytes.buffer, 0, count) })
  return selectBatch(dataset, { ...selection, images: { values } })
}
