/** Encodes an 8-bit grayscale PNG in this thread. The library is loaded by the first picture. */
export async function encodePixels (pixels: Uint8Array, rows: number, columns: number): Promise<Uint8Array> {
  const { encode } = await import('fast-png')
  return encode({ width: columns, height: rows, data: pixels, channels: 1, depth: 8 })
}
