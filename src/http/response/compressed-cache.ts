/** What an entry takes besides its bytes, roughly: its key and its place in the map. */
const ENTRY_BYTES = 512

/** An epoch of MNIST in natural order fits, in any one coding and as any format that is compressed. */
const LIMIT = 64 << 20

/**
 * The compressed bodies that were asked for last, of answers that many ask for: to compress one takes many times as long as
 * to send it. Requests that come for a body while it is made wait for the same one.
 */
export class CompressedBodies {
  readonly #limit: number
  readonly #kept = new Map<string, Uint8Array>()
  readonly #making = new Map<string, Promise<Uint8Array>>()
  #bytes = 0

  /** @param limit bytes that are kept; what was not used for longest is dropped */
  constructor (limit = LIMIT) {
    this.#limit = limit
  }

  /** The body of this key, which nobody may change; `make` makes it where it is not kept. */
  async get (key: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const kept = this.#kept.get(key)
    if (kept) {
      this.#kept.delete(key)
      this.#kept.set(key, kept)
      return kept
    }
    const making = this.#making.get(key) ?? this.#make(key, make)
    this.#making.set(key, making)
    return making
  }

  async #make (key: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    try {
      const body = await make()
      this.#keep(key, body)
      return body
    } finally {
      this.#making.delete(key)
    }
  }

  #keep (key: string, body: Uint8Array): void {
    const bytes = body.byteLength + ENTRY_BYTES
    if (bytes > this.#limit) return
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#bytes + bytes <= this.#limit) break
      this.#kept.delete(oldest)
      this.#bytes -= byteLength + ENTRY_BYTES
    }
    // Small ones are views of memory that is larger.
    this.#kept.set(key, new Uint8Array(body))
    this.#bytes += bytes
  }
}
