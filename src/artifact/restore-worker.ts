/** The thread that reads what was kept of a prepared dataset, so that the rest of the server can start meanwhile. */
import { parentPort } from 'node:worker_threads'
import { messageOf } from '../errors.ts'
import { PreparedCache } from './store.ts'
import type { FromWorker, Restored, ToRestore } from './restore.ts'
import { restoredArrays } from './arrays.ts'

parentPort!.once('message', (job: ToRestore) => {
  restore(job).then(
    restored => answer({ restored }, restored ? buffersOf(restored) : []),
    error => answer({ failure: messageOf(error) })
  )
})

async function restore ({ dataFolder, version, classes }: ToRestore): Promise<Restored | undefined> {
  const kept = await new PreparedCache(dataFolder).read(version, classes)
  return kept && { manifest: kept.manifest, arrays: restoredArrays(kept, classes) }
}

function answer (message: FromWorker, buffers: ArrayBuffer[] = []): void {
  parentPort!.postMessage(message, buffers)
}

/** Each once, since they are handed over, not copied. */
function buffersOf ({ arrays: { meanImage, levels, splits } }: Restored): ArrayBuffer[] {
  const arrays = [meanImage, levels.unit, levels.standard, ...Object.values(splits).flatMap(split => Object.values(split))]
  return [...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer))]
}
