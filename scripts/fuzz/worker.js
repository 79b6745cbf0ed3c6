/** Reads one input after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { randomNumbers } from './mutate.js'

const { reader, known, first, count, state } = workerData
const { read } = await import(`./${reader}.js`)
const kinds = { read: 0, refused: 0 }
for (const seed of [...known, ...Array.from({ length: count }, (_, i) => (first + i) % 2 ** 32)]) {
  state[0] = seed
  // `read` says whether the input was read; it throws where the reader breaks a promise.
  kinds[await read(randomNumbers(seed)) ? 'read' : 'refused']++
  state[1]++
}
parentPort.postMessage(kinds)
