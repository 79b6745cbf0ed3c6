import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { QueueFullError, WorkQueue, type Permit, type Requester } from '../../src/io/work-queue.ts'

const never = new AbortController().signal
const requester = { client: 'a client', connection: {} }

/** Acquires memory for jobs, and notes the order in which they start. */
function createJobs (maxBytes: number, maxQueued = 100) {
  const queue = new WorkQueue({ maxBytes, maxQueued })
  const started: string[] = []
  const permits = new Map<string, Permit>()
  const add = (name: string, bytes: number, requester: Partial<Requester> = {}, signal = never): Promise<void> => {
    const { client = name, connection = {} } = requester
    return queue.acquire(bytes, { client, connection }, signal).then(permit => {
      started.push(name)
      permits.set(name, permit)
    })
  }
  const release = async (name: string): Promise<void> => {
    permits.get(name)!.release()
    await nextTurn()
  }
  return { queue, started, permits, add, release }
}

t.test('jobs run while their memory fits, and wait otherwise', async t => {
  const { queue, started, add, release } = createJobs(100)
  for (const name of 'abcd') add(name, 40)
  await nextTurn()
  t.same([started.join(''), queue.running, queue.queued], ['ab', 2, 2])
  await release('a')
  t.same([started.join(''), queue.running, queue.queued], ['abc', 2, 1])
  await release('a')
  t.equal(queue.running, 2, 'a permit is released once')
  await release('b')
  t.same([started.join(''), queue.queued], ['abcd', 0])
})

t.test('a job that is larger than the memory runs alone', async t => {
  const { started, add, release } = createJobs(100)
  add('large', 1000)
  add('small', 1)
  await nextTurn()
  t.same(started, ['large'])
  await release('large')
  t.same(started, ['large', 'small'])
})

t.test('clients take turns', async t => {
  const { started, add, release } = createJobs(10)
  const [greedy, modest] = [{ client: 'greedy' }, { client: 'modest' }]
  for (const name of ['g1', 'g2', 'g3', 'g4']) add(name, 10, greedy)
  for (const name of ['m1', 'm2']) add(name, 10, modest)
  await nextTurn()
  for (const name of ['g1', 'g2', 'm1', 'g3', 'm2']) await release(name)
  t.same(started, ['g1', 'g2', 'm1', 'g3', 'm2', 'g4'])
})

t.test('so do the connections of a client', async t => {
  const { started, add, release } = createJobs(10)
  const [first, second, third] = [{}, {}, {}]
  for (const name of ['a1', 'a2']) add(name, 10, { client: 'a', connection: first })
  for (const name of ['a3', 'a4']) add(name, 10, { client: 'a', connection: second })
  for (const name of ['b1', 'b2']) add(name, 10, { client: 'b', connection: third })
  await nextTurn()
  for (const name of ['a1', 'a2', 'b1', 'a3', 'b2']) await release(name)
  t.same(started, ['a1', 'a2', 'b1', 'a3', 'b2', 'a4'])
})

t.test('a job whose client disconnects leaves the queue at once', async t => {
  const { queue, started, add, release } = createJobs(10)
  const client = new AbortController()
  add('a', 10)
  const gone = t.rejects(add('b', 10, {}, client.signal), { message: 'gone' })
  add('c', 10)
  await nextTurn()
  client.abort(new Error('gone'))
  await gone
  t.equal(queue.queued, 1)
  const joining = queue.acquire(1, requester, client.signal)
  await t.rejects(joining, { message: 'gone' }, 'nor does one join that is gone already')
  await release('a')
  t.same(started, ['a', 'c'])
})

t.test('a result holds only its own bytes', async t => {
  const { started, permits, add } = createJobs(100)
  add('a', 90)
  add('b', 50)
  await nextTurn()
  permits.get('a')!.shrink(50)
  await nextTurn()
  t.same(started, ['a', 'b'])
})

t.test('a full queue says when to retry', async t => {
  const { queue, add } = createJobs(10, 2)
  for (const name of 'abc') add(name, 10)
  const error = await queue.acquire(10, requester, never).catch((error: unknown) => error)
  t.type(error, QueueFullError)
  const { retryAfter } = error as QueueFullError
  t.ok(Number.isInteger(retryAfter) && retryAfter >= 1 && retryAfter <= 60, `${retryAfter} s`)
})
