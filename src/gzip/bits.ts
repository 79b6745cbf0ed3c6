/** A growing bit stream. The first bit is the lowest of the first byte (RFC 1951 §3.1.1). */
export class BitWriter {
  #bytes = new Uint8Array(1 << 16)
  #length = 0
  /** Bits that do not fill a byte yet. */
  #partial = 0
  #partialBits = 0

  /** Appends the lowest `count` bits of `value`, at most 16; higher bits of `value` must be 0. */
  write (value: number, count: number): void {
    this.#partial |= value << this.#partialBits
    this.#partialBits += count
    while (this.#partialBits >= 8) {
      this.#append(this.#partial & 0xff)
      this.#partial >>>= 8
      this.#partialBits -= 8
    }
  }

  /** Pads the last byte with zeros. */
  align (): void {
    if (this.#partialBits > 0) this.write(0, 8 - this.#partialBits)
  }

  /** Appends whole bytes; requires `align` first. */
  writeBytes (bytes: Uint8Array): void {
    for (const byte of bytes) this.#append(byte)
  }

  /** Everything written, as a view; requires `align` first. */
  toBytes (): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #append (byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }
}
