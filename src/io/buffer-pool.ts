/** Smaller ones are cheap to make. */
const SMALLEST = 1 << 16

/** Bytes that wait for their next use at most. */
const LIMIT = 32 << 20

/** Makes arrays of one type. */
type ArrayType<Data> = { new (buffer: ArrayBuffer, start: number, length: number): Data, readonly BYTES_PER_ELEMENT: number }

/**
 * Memory that images and texts are made in, used again once it is known that nobody reads it any more. Fresh memory is
 * given by the system page by page, which takes longer than to fill it. What is not given back is simply collected.
 */
export class Pool {
  readonly #idle = new Map<number, ArrayBuffer[]>()
  readonly #lent = new WeakSet<ArrayBufferLike>()
  #bytes = 0

  /** An array of so many elements, in memory of exactly its size. What is in it is undefined: all of it is to be written. */
  take<Data> (Elements: ArrayType<Data>, length: number): Data {
    return new Elements(this.#take(length * Elements.BYTES_PER_ELEMENT), 0, length)
  }

  #take (bytes: number): ArrayBuffer {
    const used = this.#idle.get(bytes)?.pop()
    if (used) this.#bytes -= bytes
    const buffer = used ?? Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer
    if (bytes >= SMALLEST) this.#lent.add(buffer)
    return buffer
  }

  /** Whether this is to be given back: it will hold something else then. */
  hasLent (buffer: ArrayBufferLike): boolean {
    return this.#lent.has(buffer)
  }

  /** Takes back what it has lent; anything else is left alone. */
  giveBack (buffer: ArrayBufferLike): void {
    if (!this.#lent.delete(buffer)) return
    const bytes = buffer.byteLength
    if (this.#bytes + bytes > LIMIT) this.#forgetOthers(bytes)
    if (this.#bytes + bytes > LIMIT) return
    const idle = this.#idle.get(bytes)
    if (idle) idle.push(buffer as ArrayBuffer)
    else this.#idle.set(bytes, [buffer as ArrayBuffer])
    this.#bytes += bytes
  }

  /** Sizes that are not asked for now make room for the one that is. */
  #forgetOthers (bytes: number): void {
    for (const [size, buffers] of this.#idle) {
      if (size === bytes) continue
      this.#bytes -= size * buffers.length
      this.#idle.delete(size)
    }
  }
}

/** The one that all batches share. */
export const pool = new Pool()
