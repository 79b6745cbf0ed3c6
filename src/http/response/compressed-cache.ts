import { LRUCache } from 'lru-cache'

/** An epoch of MNIST in natural order fits, in any one coding and compressible format. */
const MAX_BYTES = 64 << 20

/** Approximate bytes of an entry besides its body. */
const ENTRY_BYTES = 512

type Make = () => Promise<Uint8Array>

/**
 * The compressed bodies used most recently, for representations that many clients request: compressing one takes many
 * times as long as sending it. Concurrent requests for a body share its computation.
 */
export class CompressedCache {
  readonly #bodies: LRUCache<string, Uint8Array, Make>

  /** @param maxBytes of all bodies; a larger body is not cached */
  constructor (maxBytes = MAX_BYTES) {
    this.#bodies = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ byteLength }) => byteLength + ENTRY_BYTES,
      // Copied, since a small body is a view of a larger buffer.
      fetchMethod: async (_key, _stale, { context: make }) => new Uint8Array(await make())
    })
  }

  /** The body stored under a key, immutable; `make` computes it where there is none. */
  async get (key: string, make: Make): Promise<Uint8Array> {
    return (await this.#bodies.fetch(key, { context: make }))!
  }
}
