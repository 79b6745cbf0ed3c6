import { LRUCache } from 'lru-cache'

export interface ByteCacheOptions {
  /** Of all values; a larger value is not cached. */
  readonly maxBytes: number
  /** Approximate bytes of an entry besides its value. */
  readonly entryBytes?: number
  /** Share of new values that a full cache takes. */
  readonly admission?: number
}

/**
 * Keeps the values used most recently, up to a number of bytes. Concurrent requests for a value share its computation.
 *
 * If clients in turn use one value more than fit, a plain LRU cache would evict each just before its next use. So a
 * full cache refuses most new values, and keeps what it has.
 */
export class ByteCache<Value extends { readonly byteLength: number }> {
  readonly #values: LRUCache<string, Value>
  readonly #pending = new Map<string, Promise<Value>>()
  readonly #entryBytes: number
  readonly #admission: number
  #hits = 0
  #misses = 0

  constructor ({ maxBytes, entryBytes = 0, admission = 1 / 8 }: ByteCacheOptions) {
    this.#values = new LRUCache({ maxSize: maxBytes, sizeCalculation: value => this.#sizeOf(value) })
    this.#entryBytes = entryBytes
    this.#admission = admission
  }

  /** Values that were there, or about to be. */
  get hits (): number { return this.#hits }
  /** Values that were computed. */
  get misses (): number { return this.#misses }
  get bytes (): number { return this.#values.calculatedSize }

  /** The immutable value of a key; `compute` provides one that is not cached. A failure is not cached. */
  get (key: string, compute: () => Promise<Value>): Value | Promise<Value> {
    const value = this.#values.get(key) ?? this.#pending.get(key)
    if (value) {
      this.#hits++
      return value
    }
    this.#misses++
    const pending = this.#compute(key, compute).finally(() => this.#pending.delete(key))
    this.#pending.set(key, pending)
    return pending
  }

  async #compute (key: string, compute: () => Promise<Value>): Promise<Value> {
    const value = await compute()
    const isFull = this.#values.calculatedSize + this.#sizeOf(value) > this.#values.maxSize
    if (!isFull || Math.random() < this.#admission) this.#values.set(key, value)
    return value
  }

  #sizeOf ({ byteLength }: Value): number {
    return Math.max(1, byteLength + this.#entryBytes)
  }
}
