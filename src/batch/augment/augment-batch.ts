import { valueCount } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import { sharedBufferPool } from '../../memory/buffer-pool.ts'
import type { PooledChunk } from '../../memory/chunk.ts'
import { selectBatch, type Batch, type Selection } from '../batch.ts'
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
  const isSmall = 4 * selection.span.count * valueCount(dataset.shape) <= MAX_VALUES_BYTES
  return isSmall ? floatNormalization(dataset, selection) : undefined
}

/** What augments the samples of a task, and what releases the memory of a batch after its last use. */
export interface AugmentOptions {
  run (task: AugmentTask): Promise<void>
  /** @param chunk the images of a batch, of which values may have been sent and released before */
  releaseWhenSent (chunk: PooledChunk): void
}

/**
 * The batch of a selection with augmented images, in pooled memory, which the garbage collector knows nothing of.
 *
 * @param normalization makes a batch that has float32 values and no pixels
 */
export async function augmentBatch (
  dataset: PreparedDataset,
  selection: Selection,
  { augmentations, key }: Augmentation,
  normalization: FloatNormalization | undefined,
  { run, releaseWhenSent }: AugmentOptions
): Promise<Batch> {
  const { shape } = dataset
  const { order, span } = selection
  const ids = order.ids(span.start, span.count)
  const count = ids.length * valueCount(shape)
  const { images } = dataset.splits[selection.split]
  const task = { shape, images, ids, keys: ids.map(key), augmentations, normalization }
  const chunk = sharedBufferPool.pooledChunk((normalization ? 4 : 1) * count)
  const pixels = chunk.bytes
  await run({ ...task, target: normalization ? new Float32Array(pixels.buffer, 0, count) : pixels })
  // Not before the threads are done: those of a client that disconnects may still be writing.
  releaseWhenSent(chunk)
  return selectBatch(dataset, { ...selection, images: normalization ? { values: chunk } : { pixels } })
}
