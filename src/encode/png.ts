import { promisify } from 'node:util'
import { crc32, deflate } from 'node:zlib'
import type { ImageShape } from '../dataset/image-shape.ts'
import type { Format } from './format.ts'

export const png: Format = { name: 'png', mediaType: 'image/png', readsPixels: true }

/** Values that take a millisecond in this thread. */
const SMALL = 1 << 14

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

/**
 * An 8-bit PNG, grayscale or RGB, 0 being black. Large pictures, such as sheets of thumbnails, are compressed in zlib's
 * thread pool.
 *
 * @param pixels u8 rows·columns·channels
 */
export async function encodePng (pixels: Uint8Array, shape: ImageShape): Promise<Uint8Array> {
  if (pixels.length > SMALL) return await encodeLarge(pixels, shape)
  const { channels, rows, columns } = shape
  // The library is loaded by the first picture.
  const { encode } = await import('fast-png')
  return encode({ width: columns, height: rows, data: pixels, channels, depth: 8 })
}

/** PNG (w3.org/TR/png-3): a signature, then chunks of length, type, data and CRC-32. */
async function encodeLarge (pixels: Uint8Array, { channels, rows, columns }: ImageShape): Promise<Uint8Array> {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(columns, 0)
  header.writeUInt32BE(rows, 4)
  // Bits of a sample, and the colour type: 0, grayscale, or 2, RGB.
  header[8] = 8
  header[9] = channels === 1 ? 0 : 2
  // A filter type before each row: 0, none.
  const width = columns * channels
  const lines = Buffer.alloc(rows * (width + 1))
  for (let row = 0; row < rows; row++) {
    lines.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1)
  }
  const compressed = await promisify(deflate)(lines)
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', compressed), chunk('IEND', Buffer.alloc(0))])
}

function chunk (type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt32BE(data.length, 0)
  bytes.write(type, 4, 'latin1')
  bytes.set(data, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), data.length + 8)
  return bytes
}
