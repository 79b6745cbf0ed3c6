import { availableParallelism } from 'node:os'
import { OrderCache } from '../batch/sample-order.ts'
import { ComputePool } from '../compute/compute-pool.ts'
import { ByteBudget } from '../memory/byte-budget.ts'
import { ByteCache } from '../memory/byte-cache.ts'
import { WorkQueue } from '../scheduling/work-queue.ts'

/** The bounds on memory and concurrency, in one place. */
export interface Limits {
  /** For compression and augmentation. */
  readonly workQueue: WorkQueue
  /** Bytes of the above. */
  readonly workMemory: number
  /** Bodies that many clients request: compressing or computing one takes many times as long as sending it. */
  readonly compressedCache: ByteCache<Uint8Array>
  readonly orders: OrderCache
  readonly compute: ComputePool
  /** For the compressors of bodies that are compressed while they are sent. */
  readonly compressorMemory: ByteBudget
}

export interface LimitOptions {
  /** Bytes that concurrent expensive work may take. */
  readonly workMemory: number
  /** Compute threads; 0 computes in the thread that serves requests. */
  readonly threads: number
}

/** Characters of a segment of a path: those of the longest file name, of 255 bytes, percent-encoded. */
export const MAX_SEGMENT_LENGTH = 3 * 255

/** Jobs that wait for memory: at some tens of milliseconds each, the last one waits for some seconds. */
const MAX_QUEUED = 512

/** Longer than the pause between two requests of a client that sends one after the other. */
const SHARED_MS = 1000

/** An epoch of raw MNIST fits, in any one coding and format. */
const COMPRESSED_CACHE_BYTES = 16 << 20

/** The key of a compressed body, and what the cache adds. */
const COMPRESSED_ENTRY_BYTES = 512

/** The orders of 260 epochs of MNIST. */
const ORDER_CACHE_BYTES = 24 << 20

/** Compressors of streams may take half as much memory as other work, beside it, for as long as their clients read. */
const COMPRESSOR_SHARE = 2

export function createLimits (
  { workMemory, threads }: LimitOptions,
  warn: (message: string) => void
): Limits {
  // The thread that serves requests encodes while others compress.
  const cores = Math.max(2, availableParallelism())
  return {
    workMemory,
    workQueue: new WorkQueue({
      maxBytes: workMemory,
      computing: { alone: 4 * cores, shared: 2 * cores, perClient: cores - 1, sharedMs: SHARED_MS },
      maxQueued: MAX_QUEUED
    }),
    compressedCache: new ByteCache({ maxBytes: COMPRESSED_CACHE_BYTES, entryBytes: COMPRESSED_ENTRY_BYTES }),
    orders: new OrderCache(ORDER_CACHE_BYTES),
    compute: new ComputePool({ threads, warn }),
    compressorMemory: new ByteBudget(workMemory / COMPRESSOR_SHARE)
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly limits: Limits
  }
}
