import type { Transform } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import zlib, { constants, createBrotliCompress, createGzip } from 'node:zlib'
import Negotiator from 'negotiator'
import type { Body } from '../../encode/body.ts'
import { bytesOfChunk, releaseChunk } from '../../io/chunk.ts'

/** A content coding (RFC 9110 §8.4.1), as the headers name it. */
export type Coding = 'zstd' | 'br' | 'gzip'

interface Compressor {
  /** Gives out what it is written as it sees fit, and the rest at the end. */
  whole (): Transform
  /** Gives out all of what is written to it, before it takes more. */
  stream (): Transform
}

/** zlib goes to its thread pool once for so many bytes of output. */
const chunkSize = 1 << 16

/** Zstandard came to Node.js with 22.15; it takes its options as Brotli does. */
const { createZstdCompress } = zlib as { createZstdCompress?: typeof createBrotliCompress }
const { ZSTD_e_flush: zstdFlush, ZSTD_c_windowLog: zstdWindowLog } = constants as unknown as Record<string, number>

/** log₂ of the bytes that a stream looks back on: it holds as many for as long as its reader takes. */
const windowLog = 18

// Each at the level beyond which time grows faster than bytes shrink. The first is preferred, being the fastest.
const compressors = new Map<Coding, Compressor>()
if (createZstdCompress) {
  compressors.set('zstd', {
    whole: () => createZstdCompress({ chunkSize }),
    stream: () => createZstdCompress({ chunkSize, flush: zstdFlush!, params: { [zstdWindowLog!]: windowLog } })
  })
}
const quality = { [constants.BROTLI_PARAM_QUALITY]: 4 }
compressors.set('br', {
  // What it first sees of a body tells nothing of its size.
  whole: () => createBrotliCompress({ chunkSize, params: { ...quality, [constants.BROTLI_PARAM_SIZE_HINT]: 1 << 20 } }),
  stream: () => createBrotliCompress({ chunkSize, flush: constants.BROTLI_OPERATION_FLUSH, params: { ...quality, [constants.BROTLI_PARAM_LGWIN]: windowLog } })
})
compressors.set('gzip', {
  whole: () => createGzip({ chunkSize, level: 4 }),
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

/** A body in one piece, compressed in zlib's thread pool. Each piece is made when the one before it is compressed. */
export async function compress (coding: Coding, { chunks }: Body): Promise<Uint8Array> {
  const compressor = compressors.get(coding)!.whole()
  const compressed = buffer(compressor)
  const write = promisify((piece: Uint8Array, done: (error?: Error | null) => void) => compressor.write(piece, done))
  try {
    for (const chunk of chunks) {
      // A compressor that fails does not say so to who waits for a write.
      await Promise.race([write(bytesOfChunk(chunk)), compressed])
      releaseChunk(chunk)
    }
    compressor.end()
  } catch (error) {
    compressor.destroy(error as Error)
  }
  return compressed
}

/** Compresses what is written to it, in zlib's thread pool; a reader can decompress all of each chunk as soon as it is written. */
export function compressor (coding: Coding): Transform {
  return compressors.get(coding)!.stream()
}
