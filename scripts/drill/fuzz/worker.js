/** Passes one input after the other to a reader. */
import { parentPort, workerData } from 'node:worker_threads'
import { randomNumbers } from './mutate.js'

const { reader, failedSeeds, firstSeed, count, state } = workerData
const { read } = await import(`./${reader}.js`)
const results = { read: 0, rejected: 0 }
for (const seed of [...failedSeeds, ...Array.from({ length: count }, (_, i) => (firstSeed + i) % 2 ** 32)]) {
  state[0] = seed
  // Returns whether the input was read, and throws if the reader misbehaves.
  results[await read(randomNumbers(seed)) ? 'read' : 'rejected']++
  state[1]++
}
parentPort.postMessage(results)
