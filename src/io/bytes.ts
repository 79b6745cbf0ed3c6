/** Bytes that threads share, all 0. */
export function sharedBytes (length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length))
}

/** A view of an array's memory as bytes, in the machine's byte order, which the server requires to be little-endian. */
export function asBytes ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
