import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { deriveArrays, type DatasetArrays } from '../dataset/prepared.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { adoptMemories } from '../memory/row-memory.ts'
import type { Manifest } from './manifest.ts'
import { ArtifactStore } from './store.ts'

export interface RestoreRequest {
  readonly dataFolder: string
  readonly version: string
  /** Number of classes. */
  readonly classes: number
}

export interface RestoredDataset {
  readonly manifest: Manifest
  readonly arrays: DatasetArrays
}

/** What the worker thread posts. */
export interface RestoreReply {
  readonly restored: RestoredDataset | undefined
  /** Those that arrays are in. */
  readonly memories: readonly WebAssembly.Memory[]
}

/**
 * Restores the dataset of an artifact; undefined if there is none.
 *
 * @throws ServiceError artifact_unusable: it is damaged or cannot be read; or the signal's reason
 */
export type Restore = (request: RestoreRequest, signal: AbortSignal) => Promise<RestoredDataset | undefined>

/** Restores in this thread, and blocks it for several hundred milliseconds. */
export async function restore ({ dataFolder, version, classes }: RestoreRequest): Promise<RestoredDataset | undefined> {
  const artifact = await new ArtifactStore(dataFolder).read(version, classes)
  return artifact && { manifest: artifact.manifest, arrays: await deriveArrays(artifact.arrays, classes) }
}

/** Restores in a worker thread. */
export const restoreInWorker: Restore = async (request, signal) => {
  if (!await new ArtifactStore(request.dataFolder).has(request.version)) return undefined
  const worker = new Worker(new URL('./restore-worker.js', import.meta.url), { workerData: request })
  try {
    const [{ restored, memories }] = await once(worker, 'message', { signal }) as [RestoreReply]
    adoptMemories(memories)
    return restored
  } catch (cause) {
    signal.throwIfAborted()
    throw new ServiceError('artifact_unusable', messageOf(cause), { cause })
  } finally {
    // Not awaited, since that takes tens of milliseconds.
    worker.terminate()
  }
}
