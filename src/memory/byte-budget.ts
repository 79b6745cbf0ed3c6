/** Bytes that may be held for long. Nobody waits for them. */
export class ByteBudget {
  readonly #maxBytes: number
  readonly #held = new Map<string, number>()
  #bytes = 0

  constructor (maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes (): number { return this.#bytes }

  /**
   * Takes bytes, of which one client may have half, or as many as it needs once.
   *
   * @returns what gives them back; undefined if there are not enough left
   */
  take (bytes: number, client: string): (() => void) | undefined {
    const held = this.#held.get(client) ?? 0
    if (held > 0 && held + bytes > this.#maxBytes / 2) return undefined
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) return undefined
    this.#add(bytes, client)
    let isReturned = false
    return () => {
      if (!isReturned) this.#add(-bytes, client)
      isReturned = true
    }
  }

  #add (bytes: number, client: string): void {
    this.#bytes += bytes
    const held = (this.#held.get(client) ?? 0) + bytes
    if (held === 0) this.#held.delete(client)
    else this.#held.set(client, held)
  }
}
