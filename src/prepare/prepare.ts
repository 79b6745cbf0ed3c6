import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { valueCount } from '../dataset/image-shape.ts'
import type { ReportProgress } from '../dataset/progress.ts'
import { perSplit, splitNames, type Samples, type SplitName } from '../dataset/sample-splits.ts'
import { ServiceError, messageOf } from '../errors.ts'
import { allocateRows } from '../memory/row-memory.ts'
import type { FitOptions, FitResult } from './fit.ts'
import type { ChosenBackend } from './tensorflow.ts'

/** Pixels sent at a time: enough to keep the backend busy, few enough to keep memory low. */
const CHUNK_PIXELS = 1 << 20

export type Request =
  | { readonly step: 'start', readonly options: FitOptions }
  | { readonly step: 'images', readonly split: SplitName, readonly images: Uint8Array }
  | { readonly step: 'finish' }

export interface Reply {
  /** To `start`. */
  readonly backend?: ChosenBackend
  /** To `images`, if they were denoised. */
  readonly images?: Uint8Array
  /** To `finish`. */
  readonly result?: FitResult
  readonly failure?: string
}

export interface Preparation extends FitResult {
  readonly backend: ChosenBackend
  /** u8 images of each split, denoised if that is configured. */
  readonly images: Readonly<Record<SplitName, Uint8Array>>
}

/** Prepares one dataset at most, and must be stopped. */
export interface Preparer {
  /**
   * Denoises the images of a dataset and fits its normalizations.
   *
   * @throws ServiceError preparation_failed; or the reason of the signal that the preparer was started with
   */
  prepare (
    job: FitOptions,
    splits: Readonly<Record<SplitName, Pick<Samples, 'images'>>>,
    report: ReportProgress
  ): Promise<Preparation>
  /** Resolves once nothing runs any more. */
  stop (): Promise<void>
}

/** Prepares in a child process that ends with the signal. */
export function startPrepareProcess (signal: AbortSignal): Preparer {
  signal.throwIfAborted()
  const child = fork(new URL('./prepare-process.js', import.meta.url), {
    serialization: 'advanced',
    // Whatever libraries print goes to standard error, apart from the log of this process.
    stdio: ['ignore', 2, 2, 'ipc'],
    signal,
    killSignal: 'SIGKILL'
  })
  const exited = once(child, 'exit')
  const ask = requester(child, exited)
  return {
    async prepare (job, splits, report) {
      try {
        const preparation = await prepareWith(ask, job, splits, report)
        // Its memory is free before anything else takes more.
        child.disconnect()
        await exited
        return preparation
      } catch (cause) {
        signal.throwIfAborted()
        if (cause instanceof ServiceError) throw cause
        throw new ServiceError('preparation_failed', messageOf(cause), { cause })
      }
    },
    async stop () {
      child.kill('SIGKILL')
      await exited.catch(() => {})
    }
  }
}

async function prepareWith (
  ask: Ask,
  job: FitOptions,
  splits: Readonly<Record<SplitName, Pick<Samples, 'images'>>>,
  report: ReportProgress
): Promise<Preparation> {
  const { backend } = await ask({ step: 'start', options: job })
  const size = valueCount(job.shape)
  const total = splitNames.reduce((sum, name) => sum + splits[name].images.length, 0) / size
  report({ stage: 'prepare', item: `TensorFlow.js on ${backend!.name}`, done: 0, total })

  const denoising = job.settings.denoise !== 'none'
  const images = perSplit(name => denoising ? allocateRows(splits[name].images.length) : splits[name].images)
  const chunkBytes = Math.max(1, Math.floor(CHUNK_PIXELS / size)) * size
  let done = 0
  for (const split of splitNames) {
    for (let start = 0; start < images[split].length; start += chunkBytes) {
      const chunk = splits[split].images.subarray(start, start + chunkBytes)
      const denoised = (await ask({ step: 'images', split, images: chunk })).images
      if (denoised) images[split].set(denoised, start)
      done += chunk.length / size
      report({ stage: 'prepare', item: denoising ? 'denoising' : 'summing', done, total })
    }
  }
  const { result } = await ask({ step: 'finish' })
  return { ...result!, backend: backend!, images }
}

type Ask = (request: Request) => Promise<Reply>

/** Sends one request at a time and resolves to its reply; rejects if the child fails or ends. */
function requester (child: ChildProcess, exited: Promise<unknown[]>): Ask {
  const ended = exited.then(([code, signal]) => {
    throw new Error(`the preparing process ended with ${signal ?? `exit code ${code}`}`)
  })
  ended.catch(() => {})
  return async request => {
    const replied = new Promise<Reply>(resolve => child.once('message', resolve))
    // A failed send means that the child has ended, which `ended` reports.
    child.send(request, () => {})
    const reply = await Promise.race([replied, ended])
    if (reply.failure !== undefined) throw new Error(reply.failure)
    return reply
  }
}
