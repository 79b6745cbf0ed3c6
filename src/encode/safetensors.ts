import type { Batch } from '../batch/batch.ts'
import { bytesPerElement } from '../batch/tensor.ts'
import type { Chunk } from '../memory/chunk.ts'
import { sumByteLengths, type BatchFormat, type BatchMetadata } from './format.ts'
import { namedTensors, type NamedTensor } from './tensors.ts'

const dtypes = { float32: 'F32', float16: 'F16', uint8: 'U8', int32: 'I32', int64: 'I64' } as const

/**
 * Safetensors (github.com/huggingface/safetensors, "Format"):
 *
 *     0    u64  N, a multiple of 8 thanks to spaces at the end of the header
 *     8    N bytes of JSON: name → dtype, shape, data_offsets relative to 8 + N; __metadata__ maps strings to strings
 *     8+N  the tensors back to back, those with the largest elements first: so each is aligned to its element size
 */
export const safetensors: BatchFormat = {
  name: 'safetensors',
  mediaType: 'application/vnd.safetensors',
  encode (batch: Batch, metadata: BatchMetadata) {
    const tensors = namedTensors(batch).sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype])
    const header = encodeHeader(tensors, metadata)
    return { byteLength: header.length + sumByteLengths(tensors), chunks: chunksOf(header, tensors) }
  }
}

function * chunksOf (header: Uint8Array, tensors: readonly NamedTensor[]): Generator<Chunk> {
  yield header
  for (const { chunks } of tensors) yield * chunks
}

function encodeHeader (tensors: readonly NamedTensor[], metadata: BatchMetadata): Buffer {
  const header: Record<string, unknown> = {
    __metadata__: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, String(value)]))
  }
  let offset = 0
  for (const { name, shape, dtype, byteLength } of tensors) {
    header[name] = { dtype: dtypes[dtype], shape, data_offsets: [offset, offset += byteLength] }
  }
  const json = JSON.stringify(header)
  const length = Math.ceil(Buffer.byteLength(json) / 8) * 8
  const bytes = Buffer.alloc(8 + length, ' ')
  bytes.writeBigUInt64LE(BigInt(length))
  bytes.write(json, 8)
  return bytes
}
