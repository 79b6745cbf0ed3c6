import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { runAugmentTask, type AugmentTask } from '../../src/batch/augment/augment-task.ts'
import { ComputePool } from '../../src/compute/compute-pool.ts'
import { sampleKey } from '../../src/dataset/order.ts'
import { sharedBytes } from '../../src/memory/bytes.ts'
import { prepared } from '../fixtures/prepared.ts'

const SAMPLES = 3000
const { splits: { train } } = prepared({ train: SAMPLES, val: 1, test: 1 }, { rows: 28, columns: 28 })
const never = new AbortController().signal

/** A task over all samples, in an order that no thread could guess. */
function createTask (count = SAMPLES): AugmentTask {
  const ids = Uint32Array.from({ length: count }, (_, i) => (i * 7) % SAMPLES)
  return {
    shape: { channels: 1, rows: 28, columns: 28 },
    images: train.images,
    ids,
    keys: ids.map(sampleKey(3, 1)),
    augmentations: { rotate: 15, elastic: 34, noise: 10 },
    target: sharedBytes(count * 784)
  }
}

const expected = createTask()
runAugmentTask(expected)

function createPool (t: Test, threads: number) {
  const warnings: string[] = []
  const pool = new ComputePool({ threads, warn: message => { warnings.push(message) } })
  t.teardown(() => pool.close())
  return { pool, warnings }
}

const isAsExpected = ({ target }: AugmentTask): boolean => {
  return Buffer.from(target.buffer).equals(Buffer.from(expected.target.buffer, 0, target.length))
}

t.test('any number of threads gives the same images', async t => {
  for (const threads of [0, 1, 3]) {
    const { pool } = createPool(t, threads)
    const tasks = [createTask(), createTask(1000), createTask(1)]
    await Promise.all(tasks.map(task => pool.augment(task, never)))
    t.ok(tasks.every(isAsExpected), `${threads} threads`)
    t.equal(pool.threads.length, threads)
    t.equal(pool.crashes, 0)
  }
})

t.test('small tasks start no thread', async t => {
  const { pool } = createPool(t, 2)
  const task = createTask(4)
  await pool.augment(task, never)
  t.ok(isAsExpected(task))
  t.equal(pool.threads.length, 0)
})

t.test('a thread that crashes is replaced, and its work is repeated', async t => {
  const { pool, warnings } = createPool(t, 2)
  // A thread that crashes while it starts would not be replaced.
  await pool.augment(createTask(), never)
  const tasks = Array.from({ length: 20 }, () => createTask())
  const all = Promise.all(tasks.map(task => pool.augment(task, never)))
  await nextTurn()
  await pool.threads[0]!.terminate()
  await all
  t.ok(tasks.every(isAsExpected))
  t.ok(pool.crashes > 0, `${pool.crashes} crashes`)
  t.equal(warnings.length, pool.crashes)
  t.match(warnings[0], 'a compute thread crashed, and its work is repeated')
})

t.test('the thread that serves requests is not blocked', async t => {
  for (const threads of [0, 2]) {
    const { pool } = createPool(t, threads)
    const running = pool.augment(createTask(), never)
    let turns = 0
    while (await Promise.race([running, nextTurn('running')]) === 'running') turns++
    t.ok(turns > 3, `${threads} threads: ${turns} turns`)
  }
})

t.test('the work of a client that disconnects ends', async t => {
  for (const threads of [0, 2]) {
    const { pool } = createPool(t, threads)
    const client = new AbortController()
    const running = pool.augment(createTask(), client.signal)
    client.abort(new Error('gone'))
    await t.rejects(running, { message: 'gone' }, `${threads} threads`)
  }
})
