import { shuffledOrderInSlices } from '../dataset/order.ts'
import { ByteCache } from '../memory/byte-cache.ts'

type Order = Uint16Array | Uint32Array

/** An order of which the length is known before it is computed. */
export interface LazyOrder {
  readonly length: number
  /** Whether each position holds the sample of the same number. */
  readonly isNatural: boolean
  resolve (): SampleOrder | Promise<SampleOrder>
}

/** Samples of a split, in the order in which they are served. */
export interface SampleOrder extends LazyOrder {
  /** u32 positions in the split of `count` samples from `start` on, continuing at 0 after the end: a copy. */
  ids (start: number, count: number): Uint32Array
}

/** All samples of a split, one after the other. */
export function naturalOrder (length: number): SampleOrder {
  return {
    length,
    isNatural: true,
    resolve () { return this },
    ids (start, count) {
      const ids = new Uint32Array(count)
      for (let i = 0; i < count; i++) ids[i] = (start + i) % length
      return ids
    }
  }
}

/** @param listed positions in the split, in any order and any number of times */
export function listedOrder (listed: Order): SampleOrder {
  const { length } = listed
  return {
    length,
    isNatural: false,
    resolve () { return this },
    ids (start, count) {
      if (start + count <= length) return new Uint32Array(listed.subarray(start, start + count))
      const ids = new Uint32Array(count)
      for (let i = 0; i < count; i++) ids[i] = listed[(start + i) % length]!
      return ids
    }
  }
}

/** What selects and orders the samples of an epoch. */
export interface OrderOptions {
  /** Without it, the order is natural. */
  readonly seed?: number | undefined
  readonly epoch?: number | undefined
}

/**
 * The order of an epoch of a split.
 *
 * @param count samples of the split
 */
export function epochOrder (count: number, { seed, epoch = 0 }: OrderOptions, orders: OrderCache): LazyOrder {
  if (seed === undefined) return naturalOrder(count)
  return { length: count, isNatural: false, resolve: async () => listedOrder(await orders.get(count, seed, epoch)) }
}

/** The orders of epochs, each sorted once while it is cached. */
export class OrderCache {
  readonly #orders: ByteCache<Order>
  readonly #sort: typeof shuffledOrderInSlices

  /** @param maxBytes of all orders: 2 bytes per sample of a split with up to 65,536 samples, 4 of a larger one */
  constructor (maxBytes: number, sort = shuffledOrderInSlices) {
    this.#orders = new ByteCache({ maxBytes })
    this.#sort = sort
  }

  get hits (): number { return this.#orders.hits }
  get misses (): number { return this.#orders.misses }
  get bytes (): number { return this.#orders.bytes }

  /** The positions 0 … count−1 in the order of an epoch. */
  get (count: number, seed: number, epoch: number): Order | Promise<Order> {
    return this.#orders.get(`${count}/${seed}/${epoch}`, async () => compact(await this.#sort(count, seed, epoch)))
  }
}

function compact (order: Uint32Array): Order {
  return order.length <= 1 << 16 ? Uint16Array.from(order) : order
}
