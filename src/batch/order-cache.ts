import { LRUCache } from 'lru-cache'
import { shuffledOrder } from '../dataset/order.ts'

/** Orders in memory at most, of 4 bytes per sample each. */
const MAX_ORDERS = 16

/**
 * The orders of the epochs used most recently. Sorting runs in one turn of the event loop, so no order is computed twice
 * at the same time.
 */
export class OrderCache {
  readonly #orders: LRUCache<string, Uint32Array>

  constructor (maxOrders = MAX_ORDERS, sort = shuffledOrder) {
    this.#orders = new LRUCache({
      max: maxOrders,
      memoMethod: key => {
        const [count, seed, epoch] = key.split('/').map(Number) as [number, number, number]
        return sort(count, seed, epoch)
      }
    })
  }

  /** The positions 0 … count−1 in the order of an epoch, u32. */
  get (count: number, seed: number, epoch: number): Uint32Array {
    return this.#orders.memo(`${count}/${seed}/${epoch}`)
  }
}
