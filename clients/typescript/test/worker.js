/** Transfers batches to the thread that trains, with the state after each of them. */
import { parentPort, workerData } from 'node:worker_threads'
import { Client } from 'mnist-batch-client'

const { url, end, options, state } = workerData
const epochs = new Client(url).dataset('mnist').split('train').epochs(options)
if (state !== undefined) await epochs.resume(state)
while (epochs.epoch < end) {
  for await (const { images, ids } of epochs) {
    const message = { images: images.data, ids: ids.data, state: epochs.state() }
    parentPort.postMessage(message, [images.data.buffer, ids.data.buffer])
  }
}
