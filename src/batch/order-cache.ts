import { LRUCache } from 'lru-cache'
import { shuffledOrderInSlices } from '../dataset/order.ts'

/** The positions of a split's samples, in the order of an epoch. */
export type Order = Uint16Array | Uint32Array

/** Share of new orders that a full cache takes. */
const ADMISSION = 1 / 8

/** The orders of the epochs used most recently. Concurrent requests for an order share its computation. */
export class OrderCache {
  readonly #orders: LRUCache<string, Order>
  readonly #pending = new Map<string, Promise<Order>>()
  readonly #sort: typeof shuffledOrderInSlices

  /** @param maxBytes of all orders: 2 bytes per sample of a split with up to 65,536 samples, 4 of a larger one */
  constructor (maxBytes: number, sort = shuffledOrderInSlices) {
    this.#orders = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ byteLength }) => Math.max(1, byteLength) })
    this.#sort = sort
  }

  /** The positions 0 … count−1 in the order of an epoch. */
  get (count: number, seed: number, epoch: number): Order | Promise<Order> {
    const key = `${count}/${seed}/${epoch}`
    const order = this.#orders.get(key) ?? this.#pending.get(key)
    if (order) return order
    const pending = this.#compute(key, count, seed, epoch).finally(() => this.#pending.delete(key))
    this.#pending.set(key, pending)
    return pending
  }

  async #compute (key: string, count: number, seed: number, epoch: number): Promise<Order> {
    const order = compact(await this.#sort(count, seed, epoch))
    // If clients in turn use one order more than fit, each would be evicted just before its next use. So a full cache
    // keeps most of what it has.
    const isFull = this.#orders.calculatedSize + order.byteLength > this.#orders.maxSize
    if (!isFull || Math.random() < ADMISSION) this.#orders.set(key, order)
    return order
  }
}

function compact (order: Uint32Array): Order {
  return order.length <= 1 << 16 ? Uint16Array.from(order) : order
}
