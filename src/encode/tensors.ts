import type { Batch } from '../batch/batch.ts'
import { countElements, type Tensor } from '../batch/tensor.ts'
import { bytesOfChunk, type Chunk } from '../memory/chunk.ts'

/** A tensor as binary formats write it. */
export interface NamedTensor extends Pick<Tensor, 'shape' | 'dtype' | 'byteLength'> {
  readonly name: string
  /** The elements in little-endian C order, computed chunk by chunk. */
  readonly chunks: Iterable<Chunk>
}

/** The tensors of a batch, in the order in which binary formats carry them. */
export function namedTensors (batch: Batch): NamedTensor[] {
  const { images, labels, ids, mask } = batch
  return [
    { name: 'images', ...describe(images), chunks: imageChunks(batch) },
    { name: 'labels', ...describe(labels), chunks: chunksOf(labels) },
    { name: 'ids', ...describe(ids), chunks: chunksOf(ids) },
    ...(mask ? [{ name: 'mask', ...describe(mask), chunks: chunksOf(mask) }] : [])
  ]
}

function describe ({ shape, dtype, byteLength }: Tensor): Pick<Tensor, 'shape' | 'dtype' | 'byteLength'> {
  return { shape, dtype, byteLength }
}

function * chunksOf (tensor: Tensor): Generator<Chunk> {
  yield tensor.chunk()
}

/** Elements that images may have to be computed at once: 1 MiB of float32, or 256 images of 32×32. */
const SMALL = 1 << 18

/** Elements in the images of a slice, at most: what a slow reader of a large batch pins. */
const SLICE = 1 << 15

/** Bytes of a view that are sent, and perhaps hashed or copied, at a time. */
const VIEW_CHUNK = 1 << 22

function * viewChunks (bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += VIEW_CHUNK) yield bytes.subarray(start, start + VIEW_CHUNK)
}

function * imageChunks (batch: Batch): Generator<Chunk> {
  const { images } = batch
  const [count, ...shape] = images.shape as [number, ...number[]]
  const size = countElements(shape)
  if (images.isView && images.byteLength > VIEW_CHUNK) {
    yield * viewChunks(bytesOfChunk(images.chunk()))
    return
  }
  if (images.isView || count * size <= SMALL) {
    yield images.chunk()
    return
  }
  const step = Math.max(1, Math.floor(SLICE / size))
  for (let start = 0; start < count; start += step) {
    yield batch.slice(start, Math.min(start + step, count)).images.chunk()
  }
}
