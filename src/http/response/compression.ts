import { pipeline, type Transform } from 'node:stream'
import { promisify } from 'node:util'
import zlib, { constants, createBrotliCompress, createGzip } from 'node:zlib'
import Negotiator from 'negotiator'
import { bytesOfChunk, pauseAfter, releaseChunk, type Chunk } from '../../memory/chunk.ts'
import { yieldToEventLoop } from '../../scheduling/event-loop.ts'

/** A content coding (RFC 9110 §8.4.1), as the headers name it. */
export type Coding = 'zstd' | 'br' | 'gzip'

interface Compressor {
  /** Memory in bytes, measured, with the text that waits for it. */
  readonly bytes: number
  /**
   * Emits output as it sees fit.
   *
   * @param windowLog log₂ of the bytes in which repetitions are found
   */
  whole (windowLog: number): Transform
  /** Emits all output for each write before it takes the next. */
  stream (): Transform
}

/** Output bytes per task of zlib's thread pool. */
const chunkSize = 1 << 16

/**
 * Takes the next write of a stream only after the one before it. Otherwise, zlib finishes together with a last write
 * that is still buffered, so that the bytes would depend on how soon the end follows it.
 */
const unbuffered = { chunkSize, writableHighWaterMark: 1 }

/** Node.js has Zstandard since 22.15; its options look like those of Brotli. */
const { createZstdCompress } = zlib as { createZstdCompress?: typeof createBrotliCompress }
const { ZSTD_e_flush: zstdFlush, ZSTD_c_windowLog: zstdWindowLog } = constants as unknown as Record<string, number>

/** Range of a window in bytes, as log₂. Larger ones shrink bodies by few percent, but take several MiB. */
const MIN_WINDOW_LOG = 16
const MAX_WINDOW_LOG = 18

/** Bytes that a compressed stream looks back on, for as long as its client reads. */
export const STREAM_WINDOW_BYTES = 1 << MAX_WINDOW_LOG

// Each at the level beyond which time grows faster than bytes shrink; the fastest is preferred.
const compressors = new Map<Coding, Compressor>()
if (createZstdCompress) {
  compressors.set('zstd', {
    bytes: 3 << 20,
    whole: windowLog => createZstdCompress({ chunkSize, params: { [zstdWindowLog!]: windowLog } }),
    stream: () => createZstdCompress({ ...unbuffered, flush: zstdFlush!, params: { [zstdWindowLog!]: MAX_WINDOW_LOG } })
  })
}
const quality = { [constants.BROTLI_PARAM_QUALITY]: 4 }
compressors.set('br', {
  bytes: 2 << 20,
  whole: windowLog => createBrotliCompress({
    chunkSize,
    params: { ...quality, [constants.BROTLI_PARAM_LGWIN]: windowLog }
  }),
  stream: () => createBrotliCompress({
    ...unbuffered,
    flush: constants.BROTLI_OPERATION_FLUSH,
    params: { ...quality, [constants.BROTLI_PARAM_LGWIN]: MAX_WINDOW_LOG }
  })
})
compressors.set('gzip', {
  bytes: 1 << 19,
  whole: () => createGzip({ chunkSize, level: 4 }),
  stream: () => createGzip({ ...unbuffered, level: 4, flush: constants.Z_SYNC_FLUSH })
})

const codings = [...compressors.keys()]

/** Memory of a compressor in bytes, for as long as it works. */
export function compressorBytes (coding: Coding): number {
  return compressors.get(coding)!.bytes
}

/** Smaller bodies are not worth compressing. */
const MIN_BYTES = 1024

/** The second parameter is missing from the package's types. */
type EncodingNegotiator = {
  encoding (available: readonly string[], options: { preferred: readonly string[] }): Coding | undefined
}

/**
 * The coding to respond in: the one that Accept-Encoding prefers, the fastest among equals; undefined for none.
 *
 * @param bytes lower bound of the length of the compressible part of the body
 */
export function negotiateCoding (accepted: string | string[] | undefined, bytes: number): Coding | undefined {
  if (bytes < MIN_BYTES || accepted === undefined) return undefined
  const headers = { 'accept-encoding': String(accepted) }
  const negotiator = new Negotiator({ headers }) as unknown as EncodingNegotiator
  const coding = negotiator.encoding([...codings, 'identity'], { preferred: codings })
  return codings.find(known => known === coding)
}

/**
 * Compresses a body in zlib's thread pool. Each chunk is computed when the one before it is compressed, then released.
 *
 * @param bytes approximate length of the body
 * @returns chunks in memory of their own
 * @throws the signal's reason
 */
export async function compress (
  coding: Coding,
  chunks: Iterable<Chunk>,
  bytes: number,
  signal: AbortSignal
): Promise<Uint8Array[]> {
  const windowLog = Math.min(MAX_WINDOW_LOG, Math.max(MIN_WINDOW_LOG, Math.ceil(Math.log2(bytes))))
  const compressor = compressors.get(coding)!.whole(windowLog)
  const compressed = collect(compressor)
  const write = promisify((bytes: Uint8Array, done: (error?: Error | null) => void) => compressor.write(bytes, done))
  try {
    for (const chunk of chunks) {
      signal.throwIfAborted()
      const pause = pauseAfter(chunk)
      if (pause) {
        await pause
        continue
      }
      // A pending write never settles if the compressor fails.
      await Promise.race([write(bytesOfChunk(chunk)), compressed])
      releaseChunk(chunk)
    }
    compressor.end()
  } catch (error) {
    compressor.destroy(error as Error)
  }
  return compressed
}

async function collect (compressor: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of compressor) chunks.push(chunk)
  return chunks
}

/**
 * Compresses a stream in zlib's thread pool, no faster than it is read. A client can decompress each group as soon as
 * it arrives.
 */
export async function * compressGroups (
  coding: Coding,
  groups: AsyncIterable<Iterable<Chunk>>
): AsyncGenerator<[Uint8Array]> {
  const compressor = compressors.get(coding)!.stream()
  // Errors of the input reach the reader through the compressor.
  pipeline(coalesce(groups), compressor, () => {})
  for await (const bytes of compressor) yield [bytes as Uint8Array]
}

/** Bytes per write to a compressor, which flushes after each. */
const COALESCED_BYTES = 1 << 16

/** Joins the small chunks of each group, since every write is flushed. */
async function * coalesce (groups: AsyncIterable<Iterable<Chunk>>): AsyncGenerator<Uint8Array> {
  for await (const group of groups) {
    let chunks: Chunk[] = []
    let bytes = 0
    for (const chunk of group) {
      const pause = pauseAfter(chunk)
      if (pause) {
        await pause
        continue
      }
      chunks.push(chunk)
      bytes += bytesOfChunk(chunk).byteLength
      if (bytes < COALESCED_BYTES) continue
      yield join(chunks)
      chunks = []
      bytes = 0
      await yieldToEventLoop()
    }
    if (bytes > 0) yield join(chunks)
  }
}

function join (chunks: readonly Chunk[]): Uint8Array {
  const bytes = Buffer.concat(chunks.map(bytesOfChunk))
  chunks.forEach(releaseChunk)
  return bytes
}
