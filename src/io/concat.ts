import { inTimeSlices } from './event-loop.ts'

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
