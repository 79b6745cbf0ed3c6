import type { PooledChunk } from '../memory/chunk.ts'
import { PAGE_BYTES, ROOM_BYTES, memoryOf } from '../memory/row-memory.ts'
import { gatherModule } from './gather-module.ts'
import { gatherRows, type Positions } from './gather-rows.ts'
import type { FloatNormalization } from './normalize.ts'
import { computedTensor, type Tensor } from './tensor.ts'

interface Kernel {
  /** See assembly/gather.ts. */
  gather (ids: number, count: number, rows: number, target: number, length: number): void
  center (ids: number, count: number, rows: number, target: number, length: number, subtrahends: number): void
  standardize (
    ids: number, count: number, rows: number, target: number, length: number, pitch: number, mean: number, std: number
  ): void
}

/** Room for the rows of a chunk, at most, and for their ids. */
const ROWS_BYTES = 1 << 20
const IDS_BYTES = 1 << 17
const BLOCK_BYTES = ROWS_BYTES + IDS_BYTES

/** Blocks that the room of a memory holds: responses that are being sent at the same time, and a mean image. */
const MAX_BLOCKS = Math.floor(ROOM_BYTES / BLOCK_BYTES)

const module = new WebAssembly.Module(gatherModule)

/** Gathers rows of one memory into blocks at its end. */
class GatherKernel {
  readonly #memory: WebAssembly.Memory
  readonly #kernel: Kernel
  /** Addresses. */
  readonly #free: number[] = []
  /** Those of chunks that were never released, since their responses were aborted. */
  readonly #abandoned = new FinalizationRegistry<number>(block => this.#free.push(block))
  #blocks = 0
  /** The mean image that was used last, and its copy in this memory. */
  #meanImage: { readonly values: Float32Array, readonly address: number } | undefined

  constructor (memory: WebAssembly.Memory) {
    this.#memory = memory
    this.#kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernel
  }

  /** Rows of bytes as they are; undefined if they are too many, or all blocks are in use. */
  gather (rows: Uint8Array, length: number, positions: Positions): PooledChunk | undefined {
    return this.#fill(length, positions, (ids, target) => {
      this.#kernel.gather(ids, positions.count, rows.byteOffset, target, length)
    })
  }

  /** Rows of bytes as float32, likewise. */
  normalize (
    rows: Uint8Array,
    length: number,
    positions: Positions,
    { scales, meanImage }: FloatNormalization
  ): PooledChunk | undefined {
    const { count } = positions
    const subtrahends = meanImage && this.#copyMeanImage(meanImage)
    if (meanImage && subtrahends === undefined) return undefined
    return this.#fill(4 * length, positions, (ids, target) => {
      if (subtrahends !== undefined) {
        this.#kernel.center(ids, count, rows.byteOffset, target, length, subtrahends)
        return
      }
      const plane = length / scales.length
      for (const [channel, { mean, std }] of scales.entries()) {
        const first = channel * plane
        this.#kernel.standardize(ids, count, rows.byteOffset + first, target + 4 * first, plane, length, mean, std)
      }
    })
  }

  /** @param rowBytes bytes of a row in the chunk */
  #fill (
    rowBytes: number,
    { start, count, ids }: Positions,
    run: (ids: number, target: number) => void
  ): PooledChunk | undefined {
    const byteLength = count * rowBytes
    if (byteLength > ROWS_BYTES || 4 * count > IDS_BYTES) return undefined
    const block = this.#free.pop() ?? this.#addBlock()
    if (block === undefined) return undefined
    const { buffer } = this.#memory
    const numbers = new Uint32Array(buffer, block, count)
    if (ids) numbers.set(ids.subarray(start, start + count))
    else for (let i = 0; i < count; i++) numbers[i] = start + i
    run(block, block + IDS_BYTES)
    const chunk: PooledChunk = {
      bytes: new Uint8Array(buffer, block + IDS_BYTES, byteLength),
      // Only a chunk that is still registered has its block.
      release: () => { if (this.#abandoned.unregister(chunk)) this.#free.push(block) }
    }
    this.#abandoned.register(chunk, block, chunk)
    return chunk
  }

  /** The address of a mean image in this memory; undefined if there is no room for it. */
  #copyMeanImage (values: Float32Array): number | undefined {
    if (this.#meanImage?.values === values) return this.#meanImage.address
    if (values.byteLength > BLOCK_BYTES) return undefined
    const address = this.#meanImage?.address ?? this.#addBlock()
    if (address === undefined) return undefined
    new Float32Array(this.#memory.buffer, address, values.length).set(values)
    this.#meanImage = { values, address }
    return address
  }

  #addBlock (): number | undefined {
    if (this.#blocks === MAX_BLOCKS) return undefined
    try {
      const pages = this.#memory.grow(BLOCK_BYTES / PAGE_BYTES)
      this.#blocks++
      return pages * PAGE_BYTES
    } catch {
      return undefined
    }
  }
}

const kernels = new WeakMap<WebAssembly.Memory, GatherKernel>()

function kernelOf (rows: Uint8Array): GatherKernel | undefined {
  const memory = memoryOf(rows)
  if (!memory) return undefined
  let kernel = kernels.get(memory)
  if (!kernel) kernels.set(memory, kernel = new GatherKernel(memory))
  return kernel
}

/**
 * A tensor of u8 rows that are stored elsewhere. Those in a WebAssembly memory are gathered within it, several times as
 * fast as typed arrays do.
 *
 * @param rows all rows, back to back
 * @param length elements of a row
 */
export function gatheredTensor (
  shape: readonly number[],
  rows: Uint8Array,
  length: number,
  positions: Positions
): Tensor<Uint8Array> {
  const tensor = computedTensor(shape, 'uint8', target => gatherRows(rows, length, positions, target))
  return { ...tensor, chunk: () => kernelOf(rows)?.gather(rows, length, positions) ?? tensor.chunk() }
}

/**
 * A tensor of u8 rows as float32, likewise.
 *
 * @param fill computes the same where no kernel can
 */
export function normalizedTensor (
  shape: readonly number[],
  rows: Uint8Array,
  length: number,
  positions: Positions,
  normalization: FloatNormalization,
  fill: (values: Float32Array) => void
): Tensor<Float32Array> {
  const tensor = computedTensor(shape, 'float32', fill)
  return { ...tensor, chunk: () => kernelOf(rows)?.normalize(rows, length, positions, normalization) ?? tensor.chunk() }
}
