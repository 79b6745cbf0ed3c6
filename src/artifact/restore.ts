import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ServiceError } from '../errors.ts'
import type { Arrays } from '../dataset/prepared.ts'
import type { Manifest } from './manifest.ts'

/** What the thread is told. */
export interface ToRestore {
  readonly dataFolder: string
  readonly version: string
  /** Number of classes. */
  readonly classes: number
}

export interface Restored {
  readonly manifest: Manifest
  readonly arrays: Arrays
}

/** What it says at its end. */
export interface FromWorker {
  readonly restored?: Restored | undefined
  readonly failure?: string
}

/** Restores one version. */
export type Restore = (job: ToRestore, signal: AbortSignal) => Promise<Restored | undefined>

const program = new URL('./restore-worker.js', import.meta.url)

/** A thread that gets ready before it is known what it is to restore. It keeps nobody alive that does not use it. */
export function startRestorer (): Restore {
  const worker = new Worker(program)
  worker.unref()
  return async (job, signal) => {
    worker.ref()
    worker.postMessage(job)
    try {
      const [{ restored, failure }] = await once(worker, 'message', { signal }) as [FromWorker]
      if (failure !== undefined) throw new ServiceError('prepared_unusable', failure)
      return restored
    } catch (cause) {
      signal.throwIfAborted()
      throw cause
    } finally {
      await worker.terminate()
    }
  }
}

/**
 * Reads what was kept of a version, in a thread of its own; undefined where nothing was.
 *
 * @throws ServiceError prepared_unusable: it is damaged, or cannot be read
 */
export const restore: Restore = (job, signal) => startRestorer()(job, signal)
