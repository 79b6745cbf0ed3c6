import type { Format } from './format.ts'

export const png: Format = { name: 'png', mediaType: 'image/png' }

/** An 8-bit grayscale PNG of u8 pixels, 0 being black. The encoder is loaded by the first picture. */
export async function encodePng (pixels: Uint8Array, rows: number, columns: number): Promise<Uint8Array> {
  const { encode } = await import('fast-png')
  return encode({ width: columns, height: rows, data: pixels, channels: 1, depth: 8 })
}
