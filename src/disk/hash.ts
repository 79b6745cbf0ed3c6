import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { yieldToEventLoop } from '../scheduling/event-loop.ts'

/** Bytes hashed at a time: about a millisecond of work. */
const SLICE_BYTES = 1 << 20

/** SHA-256 of short content as 64 hexadecimal digits. Blocks the thread. */
export function sha256 (content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** SHA-256 of many bytes, yielding to the event loop between slices. */
export async function sha256InSlices (bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await yieldToEventLoop()
    hash.update(bytes.subarray(at, at + SLICE_BYTES))
  }
  return hash.digest('hex')
}

/** SHA-256 of a whole file, read in slices. The handle stays open. */
export async function sha256File (handle: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const stream = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: SLICE_BYTES })
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest('hex')
}
