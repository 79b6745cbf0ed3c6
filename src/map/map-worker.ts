/** The worker thread that computes a map. */
import { parentPort, workerData } from 'node:worker_threads'
import type { MapProgress } from '../dataset/dataset-map.ts'
import { lowerThreadPriority } from '../scheduling/thread-priority.ts'
import { computeMap } from './compute-map.ts'

const LOWEST_PRIORITY = 19

lowerThreadPriority(LOWEST_PRIORITY)

let last: MapProgress | undefined
const map = computeMap(workerData, progress => {
  if (last?.stage === progress.stage && progress.done - last.done < 0.01) return
  last = progress
  parentPort!.postMessage({ progress })
})
parentPort!.postMessage({ map })
