/** Makes the order of an epoch: the numbers 0 … count−1, u32. */
export type MakeOrder = (count: number, seed: number, epoch: number) => Uint32Array

/**
 * The orders that were asked for last. An order is made in one go on the event loop, so requests that come for it
 * meanwhile find it made: nothing is ever computed twice while it is kept.
 */
export class OrderCache {
  readonly #make: MakeOrder
  readonly #limit: number
  readonly #orders = new Map<string, Uint32Array>()

  /** @param limit orders that are kept, of 4 bytes a sample each; the one not used for longest is dropped */
  constructor (make: MakeOrder, limit = 16) {
    this.#make = make
    this.#limit = limit
  }

  get (count: number, seed: number, epoch: number): Uint32Array {
    const key = `${count}/${seed}/${epoch}`
    const order = this.#orders.get(key) ?? this.#make(count, seed, epoch)
    this.#orders.delete(key)
    this.#orders.set(key, order)
    if (this.#orders.size > this.#limit) this.#orders.delete(this.#orders.keys().next().value!)
    return order
  }
}
