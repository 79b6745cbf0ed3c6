import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { ServiceError } from '../errors.ts'

/** The resources that the process may use. */
export interface Resources {
  /** Cores of the machine. */
  readonly cores: number
  /** Cores that the process may keep busy, if a container limits them. */
  readonly cpuLimit: number | undefined
  /** Bytes of memory, if a container or service limits them. */
  readonly memoryLimit: number | undefined
}

/** Reads the limits of the control groups of the process, of version 1 and 2, on Linux. */
export function readResources (read: (path: string) => string = readText): Resources {
  const groups = read('/proc/self/cgroup').split('\n').map(line => line.split(':'))
  const unified = pathsOf('', groups.find(([id]) => id === '0')?.[2])
  const memory = pathsOf('memory/', groups.find(([, names]) => names?.split(',').includes('memory'))?.[2])
  const cpu = pathsOf('cpu/', groups.find(([, names]) => names?.split(',').includes('cpu'))?.[2])
  const readAll = (paths: readonly string[], name: string): string[] => paths.map(path => read(path + name).trim())

  const bytes = [...readAll(unified, 'memory.max'), ...readAll(memory, 'memory.limit_in_bytes')]
  const quotas = readAll(unified, 'cpu.max').map(text => text.split(' '))
  const periods = readAll(cpu, 'cpu.cfs_period_us')
  quotas.push(...readAll(cpu, 'cpu.cfs_quota_us').map((quota, i) => [quota, periods[i]!]))
  return {
    cores: availableParallelism(),
    cpuLimit: smallest(quotas.map(([quota, period]) => Number(quota) / Number(period))),
    // Without a limit, version 1 has a number beyond any memory.
    memoryLimit: smallest(bytes.map(text => text === '' ? NaN : Number(text)).filter(limit => limit < totalmem()))
  }
}

function readText (path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The folders of a group and of its ancestors, which limit it as well. A container may see only the topmost. */
function pathsOf (hierarchy: string, group: string | undefined): string[] {
  const names = group?.split('/').filter(name => name !== '') ?? []
  const paths = names.map((_, i) => `${names.slice(0, i + 1).join('/')}/`)
  return ['', ...paths].map(path => `/sys/fs/cgroup/${hierarchy}${path}`)
}

/** The smallest positive number; undefined if there is none. */
function smallest (values: readonly number[]): number | undefined {
  const limits = values.filter(value => value > 0 && value < Infinity)
  return limits.length > 0 ? Math.min(...limits) : undefined
}

/** V8 reserves up to 10 GiB for each memory of WebAssembly, of which there are several per dataset and thread. */
const MIN_ADDRESS_SPACE = 64 * 2 ** 30

/**
 * Images are written and augmented by WebAssembly.
 *
 * @param limits as in /proc/self/limits
 * @throws ServiceError invalid_configuration if Node.js was started without it, or with too little address space
 */
export function assertWebAssembly (limits = readLimits()): void {
  if (!('WebAssembly' in globalThis)) {
    const detail = 'this process has no WebAssembly, which it needs: start Node.js without --jitless'
    throw new ServiceError('invalid_configuration', detail)
  }
  const [, bytes] = /^Max address space +(\d+) /m.exec(limits) ?? []
  if (bytes !== undefined && Number(bytes) < MIN_ADDRESS_SPACE) {
    const detail = `the address space is limited to ${bytes} bytes (ulimit -v), but WebAssembly reserves more than ` +
      'it uses: run ulimit -v unlimited first, and limit the memory by a cgroup instead'
    throw new ServiceError('invalid_configuration', detail)
  }
}

/** Only Linux has this file, and enforces the limit. */
function readLimits (): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

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
