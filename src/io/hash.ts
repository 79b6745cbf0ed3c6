import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

/** Bytes that are hashed in one turn of the event loop: a few milliseconds of it. */
const SLICE_BYTES = 1 << 20

/** The SHA-256 of bytes, hexadecimal. Others have their turn meanwhile. */
export async function sha256Of (bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await setImmediate()
    hash.update(bytes.subarray(at, at + SLICE_BYTES))
  }
  return hash.digest('hex')
}
