import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import zlib, { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import Negotiator from 'negotiator'

/** A content coding (RFC 9110 §8.4.1), as the headers name it. */
export type Coding = 'zstd' | 'br' | 'gzip'

interface Compressor {
  whole (body: Uint8Array): Promise<Uint8Array>
  /** Gives out all of what is written to it, before it takes more. */
  stream (): Transform
}

/** zlib goes to its thread pool once for so many bytes of output. */
const chunkSize = 1 << 16

const [gzipped, brotlied] = [promisify(gzip), promisify(brotliCompress)]

/** Zstandard came to Node.js with 22.15; it takes its options as Brotli does. */
const { zstdCompress, createZstdCompress } = zlib as { zstdCompress?: typeof brotliCompress, createZstdCompress?: typeof createBrotliCompress }
const { ZSTD_e_flush: zstdFlush, ZSTD_c_windowLog: zstdWindowLog } = constants as unknown as Record<string, number>

/** log₂ of the bytes that a stream looks back on: it holds as many for as long as its reader takes. */
const windowLog = 18

// Each at the level beyond which time grows faster than bytes shrink. The first is preferred, being the fastest.
const compressors = new Map<Coding, Compressor>()
if (zstdCompress && createZstdCompress) {
  const zstded = promisify(zstdCompress)
  compressors.set('zstd', {
    whole: body => zstded(body, { chunkSize }),
    stream: () => createZstdCompress({ chunkSize, flush: zstdFlush!, params: { [zstdWindowLog!]: windowLog } })
  })
}
const quality = { [constants.BROTLI_PARAM_QUALITY]: 4 }
compressors.set('br', {
  whole: body => brotlied(body, { chunkSize, params: quality }),
  stream: () => createBrotliCompress({ chunkSize, flush: constants.BROTLI_OPERATION_FLUSH, params: { ...quality, [constants.BROTLI_PARAM_LGWIN]: windowLog } })
})
compressors.set('gzip', {
  whole: body => gzipped(body, { chunkSize, level: 4 }),
  stream: () => createGzip({ chunkSize, level: 4, flush: constants.Z_SYNC_FLUSH })
})

const codings = [...compressors.keys()]

/** Below this, a body is not worth the effort. */
const MIN_BYTES = 1024

/** Its types do not know the second parameter. */
type EncodingNegotiator = { encoding (available: readonly string[], options: { preferred: readonly string[] }): Coding | undefined }

/**
 * The coding to answer in, or undefined for the body as it is: the one that Accept-Encoding likes best, ours where it likes
 * several the same, and none where none is asked for.
 *
 * @param bytes that the body has at least, as far as they can be compressed
 */
export function negotiateCoding (accepted: string | string[] | undefined, bytes: number): Coding | undefined {
  if (bytes < MIN_BYTES || accepted === undefined) return undefined
  const negotiator = new Negotiator({ headers: { 'accept-encoding': String(accepted) } }) as unknown as EncodingNegotiator
  const coding = negotiator.encoding([...codings, 'identity'], { preferred: codings })
  return codings.find(known => known === coding)
}

/** The body in one piece, compressed in zlib's thread pool. */
export function compress (coding: Coding, parts: readonly Uint8Array[]): Promise<Uint8Array> {
  return compressors.get(coding)!.whole(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
}

/** Compresses what is written to it, in zlib's thread pool; a reader can decompress all of each chunk as soon as it is written. */
export function compressor (coding: Coding): Transform {
  return compressors.get(coding)!.stream()
}
