import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { perSplit, splitNames, type ReportProgress, type Samples, type SplitName } from '../dataset/entry.ts'
import { ServiceError, messageOf } from '../errors.ts'
import type { Findings, Job } from './run.ts'
import { scratchBytes } from './layout.ts'
import { openScratch, readAt, writeAt } from './scratch.ts'

/** What the preparing process says, one of these at a time. */
export interface FromProcess {
  readonly progress?: { readonly item: string, readonly done: number, readonly total: number }
  /** Which centered images are in the file, and where. */
  readonly centered?: Chunk
  readonly findings?: Findings
  readonly failure?: string
}

interface Chunk {
  readonly row: number
  readonly rows: number
  readonly at: number
}

export interface Prepared extends Findings {
  /** u8 images, denoised if that was asked for. */
  readonly images: Readonly<Record<SplitName, Uint8Array>>
  /** float32 images minus the mean image; one buffer holds all splits. */
  readonly centered: Readonly<Record<SplitName, Float32Array>>
}

export interface PrepareOptions {
  /** Where a scratch file may be made, in order of preference. */
  readonly scratchFolders: readonly string[]
  readonly signal: AbortSignal
  readonly report: ReportProgress
}

const program = new URL('./process.js', import.meta.url)

/**
 * Prepares a dataset in a process of its own, which has ended when this returns.
 *
 * @throws ServiceError preparation_failed; or the signal's reason
 */
export async function prepare (job: Omit<Job, 'labels'>, splits: Readonly<Record<SplitName, Samples>>, options: PrepareOptions): Promise<Prepared> {
  const { scratchFolders, signal, report } = options
  const size = job.rows * job.columns
  const pixels = splitNames.reduce((sum, name) => sum + splits[name].count * size, 0)
  const scratch = await openScratch(scratchFolders, scratchBytes(pixels, size))
  try {
    let end = 0
    for (const name of splitNames) end = await writeAt(scratch, splits[name].images, end)
    signal.throwIfAborted()

    // Standard output joins standard error: what libraries print must not mix with this process's own output.
    const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 2, 2, scratch.fd, 'ipc'], signal, killSignal: 'SIGKILL' })
    const centered = new Float32Array(pixels)
    const target = new Uint8Array(centered.buffer)
    const rowBytes = size * Float32Array.BYTES_PER_ELEMENT
    const findings = await converse(child, { ...job, labels: perSplit(name => splits[name].labels) }, report, ({ row, rows, at }) => {
      return readAt(scratch, target.subarray(row * rowBytes, (row + rows) * rowBytes), at)
    })

    const images = job.settings.denoise === 'none' ? undefined : new Uint8Array(pixels)
    if (images) await readAt(scratch, images, 0)
    return {
      ...findings,
      images: images ? divide(images, splits, size) : perSplit(name => splits[name].images),
      centered: divide(centered, splits, size)
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw cause instanceof ServiceError ? cause : new ServiceError('preparation_failed', messageOf(cause), { cause })
  } finally {
    await scratch.close()
  }
}

/** Sends the job, passes progress on, takes what is centered, and gives the findings once the process has ended. */
async function converse (child: ChildProcess, job: Job, report: ReportProgress, take: (chunk: Chunk) => Promise<void>): Promise<Findings> {
  let last: FromProcess = {}
  let taking = Promise.resolve()
  child.on('message', (message: FromProcess) => {
    if (message.progress) report({ stage: 'prepare', ...message.progress })
    else if (message.centered) {
      const { centered } = message
      taking = taking.then(() => take(centered)).then(() => { child.send('taken', () => {}) })
      taking.catch(() => child.kill('SIGKILL'))
    } else last = message
  })
  child.send(job, () => {})
  const [code, killedBy] = await once(child, 'close')
  await taking
  if (last.failure !== undefined) throw new Error(last.failure)
  if (last.findings === undefined) throw new Error(`the preparing process ended with ${killedBy ?? `exit code ${code}`}`)
  return last.findings
}

/** Views of the parts of an array that holds all splits. */
function divide<T extends Uint8Array | Float32Array> (all: T, splits: Readonly<Record<SplitName, Samples>>, size: number): Record<SplitName, T> {
  let start = 0
  return perSplit(name => {
    const end = start + splits[name].count * size
    const part = all.subarray(start, end) as T
    start = end
    return part
  })
}
