import { encode } from 'fast-png'
import type { Format } from './format.ts'

export const png: Format = { name: 'png', mediaType: 'image/png' }

/** An 8-bit grayscale PNG of u8 pixels, 0 being black. */
export function encodePng (pixels: Uint8Array, rows: number, columns: number): Uint8Array {
  return encode({ width: columns, height: rows, data: pixels, channels: 1, depth: 8 })
}
