/** A memory cgroup of Linux, version 1 or 2: what a container's memory limit is made of. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

const versions = [
  {
    parent: '/sys/fs/cgroup/memory',
    detect: '/sys/fs/cgroup/memory/memory.limit_in_bytes',
    limit: 'memory.limit_in_bytes',
    swap: 'memory.memsw.limit_in_bytes',
    peak: 'memory.max_usage_in_bytes',
    anonymous: ['rss', 'shmem'],
    kills: 'memory.oom_control'
  },
  {
    parent: '/sys/fs/cgroup',
    detect: '/sys/fs/cgroup/cgroup.controllers',
    limit: 'memory.max',
    swap: 'memory.swap.max',
    peak: 'memory.peak',
    anonymous: ['anon', 'shmem'],
    kills: 'memory.events'
  }
]

/**
 * @param bytes the limit
 * @returns `wrap` for a server's command; `peakMiB`, with the page cache; `anonymousMiB`, without it, now; `kills`: the
 *   processes killed for their memory; and `remove`
 * @throws if this machine lets nobody, or only others, create memory cgroups
 */
export function createMemoryCgroup (name, bytes) {
  const files = versions.find(({ detect }) => existsSync(detect))
  if (!files) throw new Error('no memory cgroups on this machine')
  const folder = `${files.parent}/${name}`
  mkdirSync(folder)
  const read = file => readFileSync(`${folder}/${file}`, 'utf8')
  writeFileSync(`${folder}/${files.limit}`, String(bytes))
  // Without swap, as in a container; some kernels have no such limit.
  if (existsSync(`${folder}/${files.swap}`)) {
    writeFileSync(`${folder}/${files.swap}`, files.swap.includes('memsw') ? String(bytes) : '0')
  }
  return {
    wrap: command => ['sh', '-c', `echo $$ > ${folder}/cgroup.procs && exec "$@"`, 'sh', ...command],
    anonymousMiB: () => {
      const stat = new Map(read('memory.stat').trim().split('\n').map(line => line.split(' ')))
      return Math.round(files.anonymous.reduce((sum, name) => sum + Number(stat.get(name) ?? 0), 0) / 2 ** 20)
    },
    peakMiB: () => Math.round(Number(read(files.peak)) / 2 ** 20),
    kills: () => Number(/^oom_kill (\d+)/m.exec(read(files.kills))[1]),
    remove: () => rmdirSync(folder)
  }
}
