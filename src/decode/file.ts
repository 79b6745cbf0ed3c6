import type { FileEntry } from '../dataset/entry.ts'
import { ServiceError } from '../errors.ts'
import { sha256Of } from '../io/hash.ts'
import { gunzip, isGzip } from './gunzip.ts'
import { idxByteLength, parseIdx, type IdxArray } from './idx.ts'

/** A file that was found to be the one that its entry declares. */
export interface VerifiedFile extends IdxArray {
  /** The uncompressed content, IDX header included. */
  readonly content: Uint8Array
  /** SHA-256 of the content, hexadecimal. */
  readonly sha256: string
  /** The publisher's own gzip, if that is what was given. */
  readonly gzip?: Uint8Array
}

/** Most bytes that a file may have whose number of samples only its own header tells. */
const UNPINNED_LIMIT = 1 << 30

/**
 * Opens a file of a dataset, gzipped or not, and holds it against its entry: length, IDX magic, dimensions, and SHA-256 of the
 * content where it is known, else of the publisher's gzip. The cheap checks come first, so that the error names the
 * plainest reason.
 *
 * @param vouched for by the archive that it came out of: then a file of which no hash is known is taken too, with as many
 *   samples as its header says
 * @throws ServiceError invalid_file, with the reason
 */
export async function verifyFile (bytes: Uint8Array, file: FileEntry, vouched = false): Promise<VerifiedFile> {
  if (looksLikeMarkup(bytes)) throw new ServiceError('invalid_file', 'is an HTML page, not data')
  const pinned = file.sha256 !== undefined || file.gzip !== undefined
  if (!pinned && !vouched) throw new ServiceError('invalid_file', 'has no known hash, so only its whole archive can be verified')

  const gzipped = isGzip(bytes)
  const content = gzipped ? await gunzip(bytes, pinned ? idxByteLength(file.dimensions, file.type) : UNPINNED_LIMIT) : bytes
  const array = parseIdx(content, file.type)
  const [found, expected] = [array.dimensions, file.dimensions].map(dimensions => (pinned ? dimensions : ['N', ...dimensions.slice(1)]).join('×'))
  if (found !== expected) throw new ServiceError('invalid_file', `has dimensions ${found}, expected ${expected}`)

  const sha256 = await sha256Of(content)
  const gzipSha256 = gzipped && file.gzip ? await sha256Of(bytes) : undefined
  const own = gzipped && (file.gzip ? gzipSha256 === file.gzip.sha256 : vouched)
  if (file.sha256 !== undefined && sha256 !== file.sha256) throw new ServiceError('invalid_file', `has SHA-256 ${sha256}, expected ${file.sha256}`)
  if (file.sha256 === undefined && file.gzip && !own) {
    throw new ServiceError('invalid_file', `${gzipped ? `has SHA-256 ${gzipSha256}` : 'is not gzipped'}, expected the gzip with SHA-256 ${file.gzip.sha256}`)
  }
  return { ...array, content, sha256, ...(own && { gzip: bytes }) }
}

/**
 * Opens a file of which nothing is known, gzipped or not, that must be IDX of unsigned bytes.
 *
 * @throws ServiceError invalid_file, with the reason
 */
export async function inspectFile (bytes: Uint8Array): Promise<IdxArray & { readonly sha256: string }> {
  const content = isGzip(bytes) ? await gunzip(bytes, UNPINNED_LIMIT) : bytes
  return { ...parseIdx(content), sha256: await sha256Of(content) }
}

/** Mirrors that are down answer 200 with a page; neither gzip nor IDX starts with white space or '<'. */
function looksLikeMarkup (bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1').replace(/^\xef\xbb\xbf/, '')
  return /^\s*</.test(start)
}
