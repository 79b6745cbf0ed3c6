/** The memory of an array as bytes: a view, in the machine's byte order, which the server requires to be little-endian. */
export function asBytes ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
