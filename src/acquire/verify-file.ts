import type { FileEntry } from '../dataset/entry.ts'
import { gunzip, isGzip } from '../decode/gunzip.ts'
import { sha256InSlices } from '../disk/hash.ts'
import { ServiceError } from '../errors.ts'

/** The bytes of a file that matches its catalogue entry. */
export interface VerifiedBytes {
  /** Uncompressed. */
  readonly content: Uint8Array
  /** SHA-256 of the content, hexadecimal. */
  readonly sha256: string
  /** The publisher's gzip, if these were the bytes verified. */
  readonly gzip?: Uint8Array
}

/** Largest content accepted if the number of samples is not pinned. */
const UNPINNED_LIMIT = 1 << 30

/**
 * Verifies a file, gzipped or not, against its catalogue entry: the length, and the SHA-256 of the content or, if only
 * that is known, of the publisher's gzip. Cheap checks come first, so that the error gives the plainest reason.
 *
 * @param trusted whether the bytes come from a verified archive; a file without a known hash is then accepted, of any
 *   length
 * @throws ServiceError invalid_file, with the reason
 */
export async function verifyFile (bytes: Uint8Array, file: FileEntry, trusted = false): Promise<VerifiedBytes> {
  if (looksLikeMarkup(bytes)) throw invalid('is an HTML page, not data')
  const pinned = file.sha256 !== undefined || file.gzip !== undefined
  if (!pinned && !trusted) throw invalid('has no known hash; only its archive can be verified')

  const gzipped = isGzip(bytes)
  const content = gzipped ? await gunzip(bytes, pinned ? file.bytes : UNPINNED_LIMIT) : bytes
  if (pinned && content.length !== file.bytes) {
    throw invalid(`has ${content.length} bytes, expected ${file.bytes}`)
  }

  const sha256 = await sha256InSlices(content)
  if (file.sha256 !== undefined && sha256 !== file.sha256) {
    throw invalid(`has SHA-256 ${sha256}, expected ${file.sha256}`)
  }
  const gzipSha256 = gzipped && file.gzip ? await sha256InSlices(bytes) : undefined
  const published = gzipped && (file.gzip ? gzipSha256 === file.gzip.sha256 : trusted)
  if (file.sha256 === undefined && file.gzip && !published) {
    const found = gzipped ? `has SHA-256 ${gzipSha256}` : 'is not gzipped'
    throw invalid(`${found}, expected the gzip with SHA-256 ${file.gzip.sha256}`)
  }
  return { content, sha256, ...(published && { gzip: bytes }) }
}

/** Reads a file that is not in the catalogue, gzipped or not. */
export async function decompressUnpinned (bytes: Uint8Array): Promise<Uint8Array> {
  return isGzip(bytes) ? await gunzip(bytes, UNPINNED_LIMIT) : bytes
}

/** Broken mirrors answer 200 with an HTML page. No format of data starts with white space or '<'. */
export function looksLikeMarkup (bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1').replace(/^\xef\xbb\xbf/, '')
  return /^\s*</.test(start)
}

function invalid (reason: string): ServiceError {
  return new ServiceError('invalid_file', reason)
}
