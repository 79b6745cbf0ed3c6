import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { GzipHeader } from './gzip.ts'

const program = new URL('./worker.js', import.meta.url)

let last: Promise<unknown> = Promise.resolve()

/**
 * Compresses like `gzip`, in a worker thread; concurrent calls run one after the other.
 *
 * @param content must not be used afterwards: its memory may be transferred to the thread
 */
export function gzipInBackground (content: Uint8Array, header?: GzipHeader): Promise<Uint8Array> {
  const compressing = last.then(() => gzipInWorker(content, header))
  last = compressing.catch(() => {})
  return compressing
}

async function gzipInWorker (content: Uint8Array, header: GzipHeader | undefined): Promise<Uint8Array> {
  // A view of a larger buffer cannot be transferred.
  const whole = content.byteLength === content.buffer.byteLength ? content : new Uint8Array(content)
  const worker = new Worker(program, {
    workerData: { content: whole, header },
    transferList: [whole.buffer as ArrayBuffer]
  })
  const [compressed] = await once(worker, 'message')
  return compressed
}
