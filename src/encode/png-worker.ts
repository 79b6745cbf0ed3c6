/** A thread that encodes one PNG and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { encodePixels } from './png-encoder.ts'

const { pixels, rows, columns } = workerData
// Copied, since the encoder's result is a view of a larger buffer.
const picture = new Uint8Array(await encodePixels(pixels, rows, columns))
parentPort!.postMessage(picture, [picture.buffer])
