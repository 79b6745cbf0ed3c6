import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { GzipHeader } from './gzip.ts'

const program = new URL('./worker.js', import.meta.url)

let last: Promise<unknown> = Promise.resolve()

/**
 * A content as `gzip` makes it, in a thread of its own; one at a time, however many are asked for.
 *
 * @param content is not to be used afterwards: its memory goes to the thread
 */
export function gzipInBackground (content: Uint8Array, header?: GzipHeader): Promise<Uint8Array> {
  const made = last.then(() => inThread(content, header))
  last = made.catch(() => {})
  return made
}

async function inThread (content: Uint8Array, header: GzipHeader | undefined): Promise<Uint8Array> {
  // A view of a pool's memory cannot be given away.
  const own = content.byteLength === content.buffer.byteLength ? content : new Uint8Array(content)
  const worker = new Worker(program, { workerData: { content: own, header }, transferList: [own.buffer as ArrayBuffer] })
  const [made] = await once(worker, 'message')
  return made
}
