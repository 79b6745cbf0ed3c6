import { ServiceError } from '../errors.ts'
import type { Resources } from './resources.ts'

/** Memory of a compute thread after its first work, as measured. */
const THREAD_BYTES = 9 << 20

/** More threads have no use: one thread encodes and sends what all of them augment. */
const MAX_DEFAULT = 16

/** Shares of the memory limit: of the default, of a setting without a warning, and of any setting. */
const DEFAULT_SHARE = 1 / 20
const SAFE_SHARE = 1 / 10
const MAX_SHARE = 1 / 2

export interface Threads {
  readonly count: number
  /** Why there are so many, for the log. */
  readonly reason: string
  /** Why they may be too many; undefined if they are not. */
  readonly warning: string | undefined
}

/**
 * The number of compute threads: the setting or, without it, as many as the cores, the memory and one thread for
 * requests have use for.
 *
 * @throws ServiceError invalid_configuration: the threads alone would take most of the memory
 */
export function resolveThreads (setting: number | undefined, { cores, cpuLimit, memoryLimit }: Resources): Threads {
  const fitting = (share: number): number => Math.floor((memoryLimit ?? Infinity) * share / THREAD_BYTES)
  const memory = memoryLimit === undefined ? '' : `the memory limit of ${toMiB(memoryLimit)} MiB`
  if (setting !== undefined) {
    const most = fitting(MAX_SHARE)
    if (setting > most) {
      const detail = `THREADS must be an integer from 0 to ${most}, got '${setting}': each takes 9 MiB of ${memory}`
      throw new ServiceError('invalid_configuration', detail)
    }
    const isSafe = setting <= fitting(SAFE_SHARE)
    const warning = `THREADS=${setting} takes ${9 * setting} MiB of ${memory}, which may not leave enough for requests`
    return { count: setting, reason: 'THREADS is set', warning: isSafe ? undefined : warning }
  }
  const bounds: Array<[count: number, reason: string]> = [
    [cores, `this machine has ${cores} cores`],
    [Math.max(1, Math.ceil(cpuLimit ?? Infinity)), `the CPU limit is ${cpuLimit}`],
    [Math.max(1, fitting(DEFAULT_SHARE)), `each takes 9 MiB of ${memory}`],
    [MAX_DEFAULT, 'more have no use']
  ]
  const [count, reason] = bounds.reduce((least, bound) => bound[0] < least[0] ? bound : least)
  return { count, reason, warning: undefined }
}

/** Why WORK_MEMORY may be too much; undefined if it is not. */
export function describeWorkMemory (workMemory: number, { memoryLimit = Infinity }: Resources): string | undefined {
  if (workMemory <= memoryLimit * MAX_SHARE) return undefined
  return `WORK_MEMORY=${toMiB(workMemory)} of the memory limit of ${toMiB(memoryLimit)} MiB may leave too little`
}

function toMiB (bytes: number): number {
  return Math.floor(bytes / 2 ** 20)
}
