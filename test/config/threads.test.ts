import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import type { Resources } from '../../src/config/resources.ts'

const MIB = 2 ** 20

const threads = (setting: string | undefined, cores: number, limits: Partial<Resources> = {}) => {
  const env = setting === undefined ? {} : { THREADS: setting }
  const config = loadConfig(['mnist'], env, { cores, cpuLimit: undefined, memoryLimit: undefined, ...limits })
  return [config.threads, config.threadsReason, ...config.warnings]
}

t.test('by default there is a thread per core, as far as the limits of the process allow', async t => {
  t.same(threads(undefined, 2), [2, 'this machine has 2 cores'])
  t.same(threads(undefined, 192), [16, 'more have no use'])
  t.same(threads(undefined, 192, { cpuLimit: 3.5 }), [4, 'the CPU limit is 3.5'])
  t.same(threads(undefined, 192, { cpuLimit: 0.1 }), [1, 'the CPU limit is 0.1'])
  for (const [limit, count] of [[128, 1], [512, 2], [1536, 8]] as const) {
    const expected = [count, `each takes 9 MiB of the memory limit of ${limit} MiB`]
    t.same(threads(undefined, 192, { memoryLimit: limit * MIB }), expected)
  }
  t.same(threads(undefined, 192, { memoryLimit: 64 * 1024 * MIB }), [16, 'more have no use'])
})

t.test('a setting that may not fit causes a warning, and one that cannot is an error', async t => {
  const memoryLimit = 512 * MIB
  t.same(threads('0', 192, { memoryLimit }), [0, 'THREADS is set'])
  t.same(threads('5', 2, { memoryLimit }), [5, 'THREADS is set'])
  t.same(threads('192', 2), [192, 'THREADS is set'])
  const warning = /^THREADS=16 takes 144 MiB of the memory limit of 512 MiB/
  t.match(threads('16', 2, { memoryLimit }), [16, 'THREADS is set', warning])
  t.throws(() => threads('29', 64, { memoryLimit }), {
    code: 'invalid_configuration',
    message: "THREADS must be an integer from 0 to 28, got '29': each takes 9 MiB of the memory limit of 512 MiB"
  })
})

t.test('WORK_MEMORY beyond half of the limit causes a warning', async t => {
  const { warnings } = loadConfig(['mnist'], { WORK_MEMORY: '300' }, {
    cores: 2, cpuLimit: undefined, memoryLimit: 512 * MIB
  })
  t.match(warnings, [/^WORK_MEMORY=300 of the memory limit of 512 MiB/])
})
