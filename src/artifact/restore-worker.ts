/** The worker thread of restoreInWorker. */
import { parentPort, workerData } from 'node:worker_threads'
import { restore, type RestoredDataset } from './restore.ts'

const restored = await restore(workerData)
parentPort!.postMessage(restored, restored && listBuffers(restored))

/** Every buffer that threads do not share, once; transferred, they are not copied. */
function listBuffers ({ arrays: { meanImage, levels, splits } }: RestoredDataset): ArrayBuffer[] {
  const arrays = [meanImage, ...Object.values(levels), ...Object.values(splits).flatMap(split => Object.values(split))]
  return [...new Set(arrays.map(({ buffer }) => buffer).filter(buffer => buffer instanceof ArrayBuffer))]
}
