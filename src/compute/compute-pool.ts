import { Piscina } from 'piscina'
import { runAugmentTask, sliceTask, type AugmentTask } from '../batch/augment/augment-task.ts'
import { valueCount } from '../dataset/image-shape.ts'
import { messageOf } from '../errors.ts'
import { TIME_SLICE_MS, yieldToEventLoop } from '../scheduling/event-loop.ts'

export interface ComputePoolOptions {
  /** Compute threads; 0 computes in the calling thread. */
  readonly threads: number
  readonly warn: (message: string) => void
}

/** Pixels that a thread augments at a time: some milliseconds of work, after which a cancelled task ends. */
const STEP_PIXELS = 1 << 18

/** Pixels that are augmented sooner than a thread could be asked to. */
const INLINE_PIXELS = 1 << 14

/** Attempts at a step whose thread has crashed. */
const MAX_ATTEMPTS = 3

/**
 * Threads for expensive work, on one copy of the data in shared memory. They start with the first work. A thread that
 * crashes is replaced, and its work is repeated.
 */
export class ComputePool {
  readonly #options: ComputePoolOptions
  #piscina: Piscina | undefined
  #crashes = 0

  constructor (options: ComputePoolOptions) {
    this.#options = options
  }

  /** Threads that have crashed. */
  get crashes (): number { return this.#crashes }

  /** The threads that run now. */
  get threads (): Piscina['threads'] { return this.#piscina?.threads ?? [] }

  /**
   * Augments the samples of a task, in parallel.
   *
   * @param signal of a client that may disconnect, which ends the work after the current step
   * @throws the signal's reason
   */
  async augment (task: AugmentTask, signal: AbortSignal): Promise<void> {
    const size = valueCount(task.shape)
    const count = task.ids.length
    if (count * size <= INLINE_PIXELS) return runAugmentTask(task)
    const { threads } = this.#options
    if (threads === 0) return await runInSlices(task, signal)
    const step = Math.max(1, Math.floor(STEP_PIXELS / size))
    let next = 0
    const runSteps = async (): Promise<void> => {
      while (next < count) {
        signal.throwIfAborted()
        const start = next
        next += step
        await this.#run(sliceTask(task, start, Math.min(start + step, count)))
      }
    }
    // Each asks for one step at a time, so that the threads take turns between tasks.
    await Promise.all(Array.from({ length: Math.min(threads, Math.ceil(count / step)) }, runSteps))
  }

  /** Ends the threads. */
  async close (): Promise<void> {
    await this.#piscina?.destroy()
  }

  async #run (task: AugmentTask): Promise<void> {
    const { threads, warn } = this.#options
    this.#piscina ??= new Piscina({
      filename: new URL('./compute-worker.js', import.meta.url).href,
      // All of them, so that the pool replaces each that crashes.
      minThreads: threads,
      maxThreads: threads,
      recordTiming: false
    })
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#piscina.run(task)
      } catch (error) {
        if (attempt === MAX_ATTEMPTS) throw error
        this.#crashes++
        warn(`a compute thread crashed, and its work is repeated: ${messageOf(error)}`)
      }
    }
  }
}

/** Runs a task in this thread, in time slices between which other requests are served. */
async function runInSlices (task: AugmentTask, signal: AbortSignal): Promise<void> {
  const step = Math.max(1, Math.floor(INLINE_PIXELS / valueCount(task.shape)))
  for (let start = 0, sliceEnd = 0; start < task.ids.length; start += step) {
    if (performance.now() >= sliceEnd) {
      await yieldToEventLoop()
      signal.throwIfAborted()
      sliceEnd = performance.now() + TIME_SLICE_MS
    }
    runAugmentTask(sliceTask(task, start, Math.min(start + step, task.ids.length)))
  }
}
