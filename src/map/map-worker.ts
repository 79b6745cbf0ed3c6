/** The worker thread that computes a map. */
import { platform, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { MapProgress } from '../dataset/dataset-map.ts'
import { computeMap } from './compute-map.ts'

const LOWEST_PRIORITY = 19

// Linux has a priority per thread, and 0 is the calling one; elsewhere, it would be that of the whole process.
if (platform() === 'linux') {
  try {
    setPriority(0, LOWEST_PRIORITY)
  } catch {
    // Some containers do not permit it.
  }
}

let last: MapProgress | undefined
const map = computeMap(workerData, progress => {
  if (last?.stage === progress.stage && progress.done - last.done < 0.01) return
  last = progress
  parentPort!.postMessage({ progress })
})
parentPort!.postMessage({ map })
