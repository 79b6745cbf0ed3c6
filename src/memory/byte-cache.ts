import { LRUCache } from 'lru-cache'

export interface ByteCacheOptions {
  /** Of all values; a larger value is not cached. */
  readonly maxBytes: number
  /** Approximate bytes of an entry besides its value. */
  readonly entryBytes?: number
  /** Share of new values that a full cache takes at once. */
  readonly admission?: number
}

/** Refused values that a full cache remembers, and takes when they are requested again. */
const MAX_REFUSED = 16

/**
 * Keeps the values used most recently, up to a number of bytes. Concurrent requests for a value share its computation.
 *
 * If clients in turn use more values than fit, a plain LRU cache would evict each just before its next use. So a full
 * cache refuses most new values, and keeps what it has, but takes one that is requested again soon.
 */
export class ByteCache<Value extends { readonly byteLength: number }> {
  readonly #values: LRUCache<string, Value>
  readonly #pending = new Map<string, Promise<Value>>()
  /** Keys, the most recent last. */
  readonly #refused = new Set<string>()
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
    if (!isFull || this.#refused.delete(key) || Math.random() < this.#admission) this.#values.set(key, value)
    else this.#refuse(key)
    return value
  }

  #refuse (key: string): void {
    this.#refused.add(key)
    if (this.#refused.size <= MAX_REFUSED) return
    const [oldest] = this.#refused
    this.#refused.delete(oldest!)
  }

  #sizeOf ({ byteLength }: Value): number {
    return Math.max(1, byteLength + this.#entryBytes)
  }
}
