import { availableParallelism, totalmem } from 'node:os'
import t from 'tap'
import { readResources } from '../../src/config/resources.ts'

const MIB = 2 ** 20
const cores = availableParallelism()

/** The limits of a machine with these files. */
const limits = (files: Readonly<Record<string, string>>) => {
  const { cpuLimit, memoryLimit } = readResources(path => files[path] ?? '')
  return [cpuLimit, memoryLimit && memoryLimit / MIB]
}

t.test('limits of version 2 are the smallest of the group and its ancestors', async t => {
  t.same(limits({
    '/proc/self/cgroup': '0::/kubepods/pod7/container\n',
    '/sys/fs/cgroup/kubepods/memory.max': 'max\n',
    '/sys/fs/cgroup/kubepods/pod7/memory.max': `${512 * MIB}\n`,
    '/sys/fs/cgroup/kubepods/pod7/container/memory.max': `${600 * MIB}\n`,
    '/sys/fs/cgroup/kubepods/pod7/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/kubepods/pod7/container/cpu.max': '150000 100000\n'
  }), [1.5, 512])
  t.same(limits({
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': `${256 * MIB}\n`,
    '/sys/fs/cgroup/cpu.max': '50000 100000\n'
  }), [0.5, 256], 'in a namespace of its own')
  t.same(limits({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': 'max\n' }), [undefined, undefined])
})

t.test('limits of version 1 are those of the group, or of the root that a container sees', async t => {
  const groups = '9:name=systemd:/\n4:memory:/docker/7\n3:cpu,cpuacct:/docker/7\n0::/docker/7\n'
  const cpu = { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n', '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n' }
  t.same(limits({
    '/proc/self/cgroup': groups,
    ...cpu,
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/memory/docker/7/memory.limit_in_bytes': `${512 * MIB}\n`,
    '/sys/fs/cgroup/cpu/docker/7/cpu.cfs_quota_us': '200000\n',
    '/sys/fs/cgroup/cpu/docker/7/cpu.cfs_period_us': '50000\n'
  }), [4, 512])
  t.same(limits({
    '/proc/self/cgroup': groups, ...cpu, '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${300 * MIB}\n`
  }), [undefined, 300])
  t.same(limits({
    '/proc/self/cgroup': groups, ...cpu, '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n'
  }), [undefined, undefined])
})

t.test('without control groups, there are no limits', async t => {
  t.same(readResources(() => ''), { cores, cpuLimit: undefined, memoryLimit: undefined })
  const { memoryLimit = 1 } = readResources()
  t.ok(memoryLimit > 0 && memoryLimit <= totalmem())
})
