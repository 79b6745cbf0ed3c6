import type { IncomingHttpHeaders } from 'node:http'

/** Bytes from `start` up to and including `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The byte range that a GET request asks for (RFC 9110 §14). Several ranges, other units and malformed ranges are
 * ignored, as is a range whose `If-Range` names another ETag.
 *
 * @param bytes length of the whole representation
 * @returns undefined for the whole
 */
export function parseRange (
  { range, 'if-range': condition }: IncomingHttpHeaders,
  bytes: number,
  etag: string
): ByteRange | 'unsatisfiable' | undefined {
  if (condition !== undefined && condition !== etag) return undefined
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(range?.replaceAll(/[ \t]/g, '') ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  // Without a first position, the range is the last bytes.
  if (first === '') {
    const isSatisfiable = Number(last) > 0 && bytes > 0
    return isSatisfiable ? { start: Math.max(0, bytes - Number(last)), end: bytes - 1 } : 'unsatisfiable'
  }
  if (last !== '' && Number(last) < Number(first)) return undefined
  if (Number(first) >= bytes) return 'unsatisfiable'
  return { start: Number(first), end: Math.min(last === '' ? Infinity : Number(last), bytes - 1) }
}
