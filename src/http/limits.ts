import { OrderCache } from '../batch/order-cache.ts'
import { WorkQueue } from '../io/work-queue.ts'
import { CompressedCache } from './response/compressed-cache.ts'

/** The bounds on memory and concurrency, in one place. */
export interface Limits {
  /** For compression and augmentation. */
  readonly workQueue: WorkQueue
  readonly compressedCache: CompressedCache
  readonly orders: OrderCache
}

export interface LimitOptions {
  /** Bytes that concurrent expensive work may take. */
  readonly workMemory: number
}

/** Jobs that wait for memory: at some tens of milliseconds each, the last one waits for some seconds. */
const MAX_QUEUED = 512

/** An epoch of raw MNIST fits, in any one coding and format. */
const COMPRESSED_CACHE_BYTES = 16 << 20

/** The orders of 260 epochs of MNIST. */
const ORDER_CACHE_BYTES = 24 << 20

export function createLimits ({ workMemory }: LimitOptions): Limits {
  return {
    workQueue: new WorkQueue({ maxBytes: workMemory, maxQueued: MAX_QUEUED }),
    compressedCache: new CompressedCache(COMPRESSED_CACHE_BYTES),
    orders: new OrderCache(ORDER_CACHE_BYTES)
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly limits: Limits
  }
}
