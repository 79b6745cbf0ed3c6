/** A stream of bits, the first being the lowest of the first byte (RFC 1951 §3.1.1), that grows as it is written. */
export class BitWriter {
  #bytes = new Uint8Array(1 << 16)
  #length = 0
  #held = 0
  #count = 0

  /** Writes the lowest `count` bits of a value that has no others, 16 at most. */
  write (value: number, count: number): void {
    this.#held |= value << this.#count
    this.#count += count
    while (this.#count >= 8) {
      this.#byte(this.#held & 0xff)
      this.#held >>>= 8
      this.#count -= 8
    }
  }

  /** Fills the byte that was begun with zeros. */
  align (): void {
    if (this.#count > 0) this.write(0, 8 - this.#count)
  }

  /** Writes whole bytes; aligned before. */
  bytes (bytes: Uint8Array): void {
    for (const byte of bytes) this.#byte(byte)
  }

  /** All that was written; aligned before. */
  take (): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #byte (byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }
}
