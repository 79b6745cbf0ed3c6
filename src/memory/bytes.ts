import { MessageChannel } from 'node:worker_threads'
import { inTimeSlices } from '../scheduling/event-loop.ts'

/** Bytes that threads share, all 0. */
export function sharedBytes (length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length))
}

/** A view of an array's memory as bytes, in the machine's byte order, which the server requires to be little-endian. */
export function asBytes ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Smaller arrays may share a buffer with others. */
const MIN_DISCARDED = 1 << 20

const { port1: closedPort, port2 } = new MessageChannel()
port2.close()

/**
 * Frees the memory of a large array, which must have its buffer for itself, and leaves it empty. A garbage collection
 * would block for tens of milliseconds.
 */
export function discard ({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= MIN_DISCARDED) closedPort.postMessage(undefined, [buffer])
}

/** Joins chunks as `Buffer.concat` does, yielding to the event loop between time slices. Chunks should be small. */
export async function concatInSlices (chunks: readonly Uint8Array[]): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  await inTimeSlices(chunks.length, 1, i => {
    bytes.set(chunks[i]!, at)
    at += chunks[i]!.length
  })
  return bytes
}
