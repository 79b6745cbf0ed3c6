import { shuffledOrderInSlices } from '../dataset/order.ts'
import { ByteCache } from '../memory/byte-cache.ts'

/** The positions of a split's samples, in the order of an epoch. */
export type Order = Uint16Array | Uint32Array

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
