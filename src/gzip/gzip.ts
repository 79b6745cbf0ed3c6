import { crc32 } from 'node:zlib'
import { deflate } from './deflate.ts'

/** The optional fields of a gzip header. */
export interface GzipHeader {
  /** Name of the compressed file. */
  readonly name: string
  /** When that file was last modified: seconds since 1970. */
  readonly mtime: number
}

/** Flag of a header that has a name. */
const FNAME = 0x08
/** What a header says of the system that made the file. */
const UNIX = 3

/**
 * A gzip file (RFC 1952), as `gzip -6` makes it on Unix, or with no header `gzip -6 -n`:
 *
 *     0   1f 8b   magic
 *     2   u8      8, deflate
 *     3   u8      FNAME or 0
 *     4   u32     mtime
 *     8   u8      0: neither the fastest nor the best compression
 *     9   u8      3, Unix
 *     10  …       the name and a 0
 *     …           deflate, CRC-32 of the content, its length modulo 2³²; all numbers little-endian
 */
export function gzip (content: Uint8Array, header?: GzipHeader): Uint8Array {
  const start = Buffer.from([0x1f, 0x8b, 8, header ? FNAME : 0, 0, 0, 0, 0, 0, UNIX])
  start.writeUInt32LE(header?.mtime ?? 0, 4)
  const name = header ? Buffer.from(`${header.name}\0`, 'latin1') : Buffer.alloc(0)
  const end = Buffer.alloc(8)
  end.writeUInt32LE(crc32(content), 0)
  end.writeUInt32LE(content.length % 2 ** 32, 4)
  return Buffer.concat([start, name, deflate(content), end])
}
