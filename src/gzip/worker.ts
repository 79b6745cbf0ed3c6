/** A thread that compresses one content and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { gzip } from './gzip.ts'

// Copied, since a small result is a view of Node's buffer pool, which cannot be transferred.
const compressed = new Uint8Array(gzip(workerData.content, workerData.header))
parentPort!.postMessage(compressed, [compressed.buffer])
