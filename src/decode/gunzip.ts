import { promisify } from 'node:util'
import { gunzip as gunzipCallback } from 'node:zlib'
import { ServiceError, messageOf } from '../errors.ts'

const gunzipAsync = promisify(gunzipCallback)

export function isGzip (bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/**
 * Decompresses a complete gzip file, off the event loop.
 *
 * @param limit most bytes of the result; a gzip bomb stops there and is never held in memory
 * @throws ServiceError invalid_file: truncated, corrupt, or larger than `limit`
 */
export async function gunzip (bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: limit })
  } catch (cause) {
    const reason = cause instanceof RangeError
      ? `decompresses to more than the expected ${limit} bytes`
      : `is not a complete gzip file: ${messageOf(cause)}`
    throw new ServiceError('invalid_file', reason, { cause })
  }
}
