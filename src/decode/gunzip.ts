import { promisify } from 'node:util'
import { gunzip as gunzipCallback } from 'node:zlib'
import { ServiceError, messageOf } from '../errors.ts'

const inflate = promisify(gunzipCallback)

export function isGzip (bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/**
 * Decompresses a whole gzip file, off the event loop.
 *
 * @param limit bytes that the result may have at most; a bomb is stopped there and never held in memory
 * @throws ServiceError invalid_file: truncated, damaged, or larger than `limit`
 */
export async function gunzip (bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  try {
    return await inflate(bytes, { maxOutputLength: limit })
  } catch (cause) {
    const tooLarge = cause instanceof RangeError
    throw new ServiceError('invalid_file', tooLarge
      ? `decompresses to more than the expected ${limit} bytes`
      : `is not a whole gzip file: ${messageOf(cause)}`, { cause })
  }
}
