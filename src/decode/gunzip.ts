import { Readable, pipeline } from 'node:stream'
import { createGunzip, inflateRaw } from 'node:zlib'
import { ServiceError, messageOf } from '../errors.ts'
import { inTimeSlices } from '../scheduling/event-loop.ts'
import type { VerifiedFile } from './dataset-format.ts'

/** Bytes per task of zlib's thread pool. */
const chunkSize = 1 << 18

export function isGzip (bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** The bytes of a file in chunks, decompressed if it is gzipped. An incomplete gzip file is an error. */
export async function * decompress (file: VerifiedFile): AsyncGenerator<Uint8Array> {
  if (!isGzip(await file.slice(0, Math.min(2, file.byteLength)))) return yield * chunksOf(file)
  const stream = pipeline(Readable.from(chunksOf(file)), createGunzip({ chunkSize }), () => {})
  try {
    yield * stream as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw incomplete(cause)
  }
}

/** The bytes from `start` up to `end` in chunks. */
export async function * chunksOf (
  file: VerifiedFile,
  start = 0,
  end = file.byteLength
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += chunkSize) yield await file.slice(at, Math.min(at + chunkSize, end))
}

/**
 * Decompresses a complete gzip file, off the event loop: all its members, and nothing that follows the last one, as
 * `gzip -d` does.
 *
 * @param limit most bytes of the result; a gzip bomb stops there and is never held in memory
 * @throws ServiceError invalid_file: truncated, corrupt, or larger than `limit`
 */
export async function gunzip (bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  try {
    return await gunzipAll(bytes, limit).catch(async error => {
      const end = error instanceof RangeError ? bytes.length : await membersLength(bytes, limit)
      if (end === 0 || end === bytes.length) throw error
      return await gunzipAll(bytes.subarray(0, end), limit)
    })
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw incomplete(cause)
    throw new ServiceError('invalid_file', `decompresses to more than the expected ${limit} bytes`, { cause })
  }
}

/**
 * Decompresses into one array, since chunks and their concatenation would take twice as much memory.
 *
 * @throws RangeError beyond `limit`; or the error of zlib
 */
async function gunzipAll (bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  const stream = createGunzip({ chunkSize })
  stream.end(bytes)
  // Whatever the file states, memory that is not written takes none.
  let content: Uint8Array = Buffer.allocUnsafeSlow(Math.min(statedLength(bytes), limit))
  let length = 0
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    // Leaving the loop ends the stream.
    if (length + chunk.length > limit) throw new RangeError()
    if (length + chunk.length > content.length) content = await enlarge(content, length, limit)
    content.set(chunk, length)
    length += chunk.length
  }
  return content.subarray(0, length)
}

/** Bytes of the last member, modulo 2³² (RFC 1952, 2.3.1: ISIZE). */
function statedLength (bytes: Uint8Array): number {
  return bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4).getUint32(0, true)
}

/** A copy of the first `length` bytes, with room for `capacity`. */
async function enlarge (bytes: Uint8Array, length: number, capacity: number): Promise<Uint8Array> {
  const larger = Buffer.allocUnsafeSlow(capacity)
  await inTimeSlices(length, chunkSize, (start, end) => larger.set(bytes.subarray(start, end), start))
  return larger
}

/** Header flags (RFC 1952, 2.3.1). */
const FHCRC = 2
const FEXTRA = 4
const FNAME = 8
const FCOMMENT = 16

const HEADER = 10
const TRAILER = 8

/** Bytes of the members at the start of a file, up to the first bytes that do not start a member. */
async function membersLength (bytes: Uint8Array, limit: number): Promise<number> {
  let end = 0
  while (isGzip(bytes.subarray(end))) {
    const start = end + headerLength(bytes.subarray(end))
    end = start + await deflatedLength(bytes.subarray(start), limit) + TRAILER
  }
  return Math.min(end, bytes.length)
}

function headerLength (member: Uint8Array): number {
  const flags = member[3] ?? 0
  let end = HEADER
  if (flags & FEXTRA) end += 2 + (member[end] ?? 0) + 256 * (member[end + 1] ?? 0)
  for (const text of [FNAME, FCOMMENT]) {
    if (flags & text) end = member.indexOf(0, end) + 1 || member.length
  }
  return flags & FHCRC ? end + 2 : end
}

/** Bytes of the deflate stream that other bytes follow. */
function deflatedLength (bytes: Uint8Array, limit: number): Promise<number> {
  return new Promise((resolve, reject) => {
    inflateRaw(bytes, { maxOutputLength: limit, info: true }, (error, result) => {
      // The types do not know the option.
      if (error) reject(error)
      else resolve((result as unknown as { engine: { bytesWritten: number } }).engine.bytesWritten)
    })
  })
}

function incomplete (cause: unknown): ServiceError {
  return new ServiceError('invalid_file', `is not a complete gzip file: ${messageOf(cause)}`, { cause })
}
