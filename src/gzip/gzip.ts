import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { deflate } from './deflate.ts'

/** Optional fields of a gzip header. */
export interface GzipHeader {
  /** Name of the compressed file, in Latin-1. */
  readonly name: string
  /** Modification time of that file, in seconds since 1970. */
  readonly mtime: number
}

/** Header flag: a file name follows. */
const FNAME = 0x08
/** Code of the operating system. */
const UNIX = 3

/**
 * Compresses into the gzip file (RFC 1952) that `gzip -6` produces on Unix, or `gzip -6 -n` if there is no header:
 *
 *     0   1f 8b   magic number
 *     2   u8      8, deflate
 *     3   u8      FNAME or 0
 *     4   u32     mtime
 *     8   u8      0, neither fastest nor best compression
 *     9   u8      3, Unix
 *     10  …       the name and a 0, if FNAME is set
 *     …           deflate stream
 *     −8  u32     CRC-32 of the content
 *     −4  u32     length of the content modulo 2³²
 *
 * Numbers are little-endian.
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

const program = new URL('./worker.js', import.meta.url)

let last: Promise<unknown> = Promise.resolve()

/**
 * Compresses like `gzip`, in a worker thread; concurrent calls run one after the other.
 *
 * @param content must not be used afterwards: its memory may be transferred to the thread
 */
export function gzipInBackground (content: Uint8Array, header?: GzipHeader): Promise<Uint8Array> {
  const compressing = last.then(() => gzipInWorker(content, header))
  last = compressing.catch(() => {})
  return compressing
}

async function gzipInWorker (content: Uint8Array, header: GzipHeader | undefined): Promise<Uint8Array> {
  // A view of a larger buffer cannot be transferred.
  const whole = content.byteLength === content.buffer.byteLength ? content : new Uint8Array(content)
  const worker = new Worker(program, {
    workerData: { content: whole, header },
    transferList: [whole.buffer as ArrayBuffer]
  })
  const [compressed] = await once(worker, 'message')
  return compressed
}
