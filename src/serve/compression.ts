import { promisify } from 'node:util'
import zlib, { brotliCompress, constants, gzip } from 'node:zlib'
import Negotiator from 'negotiator'

/** A content coding (RFC 9110 §8.4.1), as the headers name it. */
export type Coding = 'zstd' | 'br' | 'gzip'

type Compress = (body: Uint8Array) => Promise<Uint8Array>

/** zlib goes to its thread pool once for so many bytes of output. */
const chunkSize = 1 << 16

const [gzipped, brotlied] = [promisify(gzip), promisify(brotliCompress)]

/** Zstandard came to Node.js with 22.15; it takes its options as Brotli does. */
const { zstdCompress } = zlib as { zstdCompress?: typeof brotliCompress }
const zstded = zstdCompress && promisify(zstdCompress)

// Each at the level beyond which time grows faster than bytes shrink. The first is preferred, being the fastest.
const compressors = new Map<Coding, Compress>([
  ...zstded ? [['zstd', body => zstded(body, { chunkSize })] as [Coding, Compress]] : [],
  ['br', body => brotlied(body, { chunkSize, params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
  ['gzip', body => gzipped(body, { chunkSize, level: 4 })]
])

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
  return compressors.get(coding)!(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
}
