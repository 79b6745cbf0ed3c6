import { encode } from 'fast-png'
import type { Format } from './format.ts'

export const png: Format = { name: 'png', mediaType: 'image/png' }

/** An 8-bit grayscale PNG of rows·columns levels, 0 black. */
export function encodePng (levels: Uint8Array, rows: number, columns: number): Uint8Array {
  return encode({ width: columns, height: rows, data: levels, channels: 1, depth: 8 })
}
