/** The memory of an array as bytes: a view, in the machine's byte order, which is little-endian wherever this service starts. */
export function bytesOf (data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
