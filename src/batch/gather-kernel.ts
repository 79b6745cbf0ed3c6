import type { PooledChunk } from '../memory/chunk.ts'
import { PAGE_BYTES, ROOM_BYTES, memoryOf } from '../memory/row-memory.ts'
import { gatherModule } from './gather-module.ts'
import { type Positions, gatherRows } from './gather-rows.ts'
import { computedTensor, type ArrayTypes, type Tensor } from './tensor.ts'

interface Kernel {
  /** See assembly/gather.ts. */
  gather (ids: number, count: number, rows: number, target: number, length: number): void
}

/** Room for the rows of a chunk, at most, and for their ids. */
const ROWS_BYTES = 1 << 20
const IDS_BYTES = 1 << 17
const BLOCK_BYTES = ROWS_BYTES + IDS_BYTES

/** Blocks that the room of a memory holds: responses that are being sent at the same time. */
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

  constructor (memory: WebAssembly.Memory) {
    this.#memory = memory
    this.#kernel = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernel
  }

  /** A chunk of the rows; undefined if they are too many, or all blocks are in use. */
  chunk (rows: ArrayBufferView, length: number, ids: Uint32Array): PooledChunk | undefined {
    const byteLength = ids.length * length
    if (byteLength > ROWS_BYTES || ids.byteLength > IDS_BYTES) return undefined
    const block = this.#free.pop() ?? this.#addBlock()
    if (block === undefined) return undefined
    const { buffer } = this.#memory
    new Uint32Array(buffer, block, ids.length).set(ids)
    this.#kernel.gather(block, ids.length, rows.byteOffset, block + IDS_BYTES, length)
    const chunk: PooledChunk = {
      bytes: new Uint8Array(buffer, block + IDS_BYTES, byteLength),
      // Only a chunk that is still registered has its block.
      release: () => { if (this.#abandoned.unregister(chunk)) this.#free.push(block) }
    }
    this.#abandoned.register(chunk, block, chunk)
    return chunk
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

/**
 * Copies rows of `length` elements within the memory that they are in, several times as fast as typed arrays do.
 *
 * @returns the rows; undefined if they are in no WebAssembly memory, or if it has no room for them
 */
export function gatherInMemory (
  rows: Uint8Array | Float32Array,
  length: number,
  { start, count, ids }: Positions
): PooledChunk | undefined {
  const memory = memoryOf(rows)
  if (!memory || !ids) return undefined
  let kernel = kernels.get(memory)
  if (!kernel) kernels.set(memory, kernel = new GatherKernel(memory))
  return kernel.chunk(rows, length * rows.BYTES_PER_ELEMENT, ids.subarray(start, start + count))
}

/**
 * A tensor of rows that are stored elsewhere.
 *
 * @param rows all rows, back to back
 * @param length elements of a row
 */
export function gatheredTensor<T extends 'float32' | 'uint8'> (
  shape: readonly number[],
  dtype: T,
  rows: ArrayTypes[T],
  length: number,
  positions: Positions
): Tensor<ArrayTypes[T]> {
  const tensor = computedTensor(shape, dtype, (target: ArrayTypes[T]) => gatherRows(rows, length, positions, target))
  return { ...tensor, chunk: () => gatherInMemory(rows, length, positions) ?? tensor.chunk() }
}
