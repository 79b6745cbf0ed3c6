/** The worker thread of restoreInWorker. */
import { parentPort, workerData } from 'node:worker_threads'
import { memoriesOf } from '../memory/row-memory.ts'
import { restore, type RestoreReply, type RestoredDataset } from './restore.ts'

const restored = await restore(workerData)
const arrays = restored ? listArrays(restored) : []
const reply: RestoreReply = { restored, memories: memoriesOf(arrays) }
// Every buffer that threads do not share, once; transferred, they are not copied.
const buffers = new Set(arrays.map(({ buffer }) => buffer).filter(buffer => buffer instanceof ArrayBuffer))
parentPort!.postMessage(reply, [...buffers])

function listArrays ({ arrays: { meanImage, levels, splits } }: RestoredDataset): ArrayBufferView[] {
  return [meanImage, ...Object.values(levels), ...Object.values(splits).flatMap(split => Object.values(split))]
}
