import type { IncomingHttpHeaders } from 'node:http'

/** Bytes from `start` up to and including `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The part of a representation that a GET request asks for (RFC 9110 §14). Several ranges at once, other units and what
 * is malformed count as none, and so does a range that goes with another ETag.
 *
 * @param bytes of the whole
 * @returns undefined for the whole
 */
export function rangeOf ({ range, 'if-range': condition }: IncomingHttpHeaders, bytes: number, etag: string): ByteRange | 'unsatisfiable' | undefined {
  if (condition !== undefined && condition !== etag) return undefined
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(range?.replaceAll(/[ \t]/g, '') ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  // Without a first position, it is the last bytes that are asked for.
  if (first === '') return Number(last) > 0 && bytes > 0 ? { start: Math.max(0, bytes - Number(last)), end: bytes - 1 } : 'unsatisfiable'
  if (last !== '' && Number(last) < Number(first)) return undefined
  return Number(first) < bytes ? { start: Number(first), end: Math.min(last === '' ? Infinity : Number(last), bytes - 1) } : 'unsatisfiable'
}
