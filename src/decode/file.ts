import { createHash } from 'node:crypto'
import type { FileEntry } from '../dataset.ts'
import { ServiceError } from '../errors.ts'
import { gunzip, isGzip } from './gunzip.ts'
import { idxByteLength, parseIdx, type IdxArray } from './idx.ts'

/** A file that was found to be the one that its entry declares. */
export interface VerifiedFile extends IdxArray {
  /** The uncompressed content, IDX header included. */
  readonly content: Uint8Array
}

/**
 * Opens a file of a dataset, gzipped or not, and holds it against its entry: length, IDX magic, dimensions, SHA-256.
 * The cheap checks come first, so that the error names the plainest reason.
 *
 * @throws ServiceError invalid_file, with the reason
 */
export async function verifyFile (bytes: Uint8Array, file: FileEntry): Promise<VerifiedFile> {
  const expected = idxByteLength(file.dimensions)
  if (looksLikeMarkup(bytes)) throw new ServiceError('invalid_file', 'is an HTML page, not data')
  const content = isGzip(bytes) ? await gunzip(bytes, expected) : bytes
  const array = parseIdx(content)
  if (array.dimensions.join('×') !== file.dimensions.join('×')) {
    throw new ServiceError('invalid_file', `has dimensions ${array.dimensions.join('×')}, expected ${file.dimensions.join('×')}`)
  }
  const sha256 = createHash('sha256').update(content).digest('hex')
  if (sha256 !== file.sha256) {
    throw new ServiceError('invalid_file', `has SHA-256 ${sha256}, expected ${file.sha256}`)
  }
  return { ...array, content }
}

/** Mirrors that are down answer 200 with a page; neither gzip nor IDX starts with white space or '<'. */
function looksLikeMarkup (bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1').replace(/^\xef\xbb\xbf/, '')
  return /^\s*</.test(start)
}
