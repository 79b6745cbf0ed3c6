/** The thread that compresses one content and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { gzip } from './gzip.ts'

const made = gzip(workerData.content, workerData.header)
const whole = made.slice()
parentPort!.postMessage(whole, [whole.buffer])
