import t from 'tap'
import { DatasetRegistry, type DatasetHead, type LoadedDataset } from '../../src/dataset/registry.ts'
import { loadAll, pauseAfter } from '../../src/load/load-all.ts'
import { prepared } from '../fixtures/prepared.ts'

const datasets = ['a', 'b', 'c'].map(name => prepared({ train: 3, val: 1, test: 1 }, { name }))

/** Loads datasets that fail a given number of times, and records each attempt with the states of all of them. */
function setUp (failures: Readonly<Record<string, number>>) {
  const registry = new DatasetRegistry(datasets.map(({ entry }) => entry))
  const stopping = new AbortController()
  const attempts: string[] = []
  const delays: number[] = []
  const load = async ({ name }: DatasetHead): Promise<LoadedDataset> => {
    attempts.push(`${name}: ${registry.states.map(({ status }) => status)}`)
    const count = attempts.filter(attempt => attempt.startsWith(name)).length
    if (count <= (failures[name] ?? 0)) throw new Error(`failure ${count}`)
    return datasets.find(({ entry }) => entry.name === name)!
  }
  const loading = loadAll({
    registry,
    load,
    signal: stopping.signal,
    retryDelayMs: 1,
    onFailure (_head, error, delayMs) {
      delays.push(delayMs)
      return (error as Error).message
    }
  })
  return { registry, stopping, attempts, delays, loading }
}

t.test('failed datasets are retried until they succeed, after all others, which stay ready', async t => {
  const { registry, attempts, delays, loading } = setUp({ a: 3 })
  const { retrying } = await loading
  t.match(registry.state('a'), { status: 'failed', reason: 'failure 1', attempts: 1 })
  t.same(registry.states.map(({ status }) => status), ['failed', 'ready', 'ready'])
  await retrying
  t.equal(registry.state('a')!.status, 'ready')
  t.same(attempts, [
    'a: loading,loading,loading',
    'b: failed,loading,loading',
    'c: failed,ready,loading',
    'a: failed,ready,ready',
    'a: failed,ready,ready',
    'a: failed,ready,ready'
  ], 'a retry does not make the service unready')
  t.equal(delays.length, 3)
})

t.test('while an attempt is running there is no time of the next one, but its progress', async t => {
  const { registry, loading, stopping } = setUp({ b: Infinity })
  await loading
  stopping.abort()
  const failed = registry.state('b')!
  t.ok(failed.status === 'failed' && failed.nextAttempt! > Date.now() - 1000)
  registry.start(failed.entry)
  t.match(registry.state('b'), { status: 'failed', reason: 'failure 1', nextAttempt: undefined, progress: undefined })
  const progress = { stage: 'acquire', item: 'x', done: 1, total: 2 } as const
  registry.progress(failed.entry, progress)
  t.match(registry.state('b'), { status: 'failed', attempts: 1, nextAttempt: undefined, progress })
  registry.fail(failed.entry, 'another reason', 5)
  t.match(registry.state('b'), { reason: 'another reason', attempts: 2, nextAttempt: 5, progress: undefined })
})

t.test('a signal ends the retries', async t => {
  const { loading, stopping, attempts } = setUp({ a: Infinity })
  const { retrying } = await loading
  stopping.abort()
  await retrying
  const { length } = attempts
  await new Promise(resolve => setImmediate(resolve))
  t.equal(attempts.length, length)
})

t.test('an error of onFailure ends loading', async t => {
  const registry = new DatasetRegistry(datasets.map(({ entry }) => entry))
  const attempts: string[] = []
  await t.rejects(loadAll({
    registry,
    async load ({ name }) {
      attempts.push(name)
      throw new Error('no source')
    },
    signal: new AbortController().signal,
    retryDelayMs: 1,
    onFailure ({ name }, error) { throw new Error(`${name} failed: ${(error as Error).message}`) }
  }), { message: 'a failed: no source' })
  t.same(attempts, ['a'])
})

t.test('pauses double up to a limit, with jitter', async t => {
  for (let failures = 1; failures < 60; failures++) {
    const longest = Math.min(600_000, 5000 * 2 ** (failures - 1))
    for (let i = 0; i < 20; i++) {
      const pause = pauseAfter(failures, 5000)
      t.ok(pause >= longest / 2 && pause <= longest, `${pause} ms after ${failures}`)
    }
  }
  t.ok(new Set(Array.from({ length: 50 }, () => pauseAfter(5, 5000))).size > 10, 'not all the same')
  t.ok(pauseAfter(3, 3_600_000) <= 3_600_000, 'a longer first pause is the limit')
})
