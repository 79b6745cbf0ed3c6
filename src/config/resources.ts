import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

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
