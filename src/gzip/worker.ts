/** The thread that compresses one content and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { gzip } from './gzip.ts'

const made = gzip(workerData.content, workerData.header)
// Of small contents it is a view of a pool's memory, which cannot be given away.
const whole = new Uint8Array(made)
parentPort!.postMessage(whole, [whole.buffer])
