import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { QueueFullError, WorkQueue, type Permit, type Requester } from '../../src/scheduling/work-queue.ts'

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

t.test('few long jobs compute at the same time, and neither others nor results count', async t => {
  const computing = { alone: 2, shared: 2, perClient: 2, sharedMs: 0 }
  const queue = new WorkQueue({ maxBytes: 100, computing, maxQueued: 100 })
  const permits: Permit[] = []
  for (let i = 0; i < 4; i++) queue.acquire(1, requester, never, { isLong: true }).then(permit => permits.push(permit))
  await nextTurn()
  t.equal(permits.length, 2)
  ;(await queue.acquire(1, { client: 'another', connection: {} }, never)).release()
  permits[0]!.lend(() => {}, 1000)
  await nextTurn()
  t.equal(permits.length, 3)
  permits[1]!.release()
  await nextTurn()
  t.same([permits.length, queue.running, queue.reclaimed], [4, 3, 0])
})

/** Starts long jobs, of which four compute at once: two of each client. One that is alone has six. */
function createLongJobs (sharedMs: number) {
  const computing = { alone: 6, shared: 4, perClient: 2, sharedMs }
  const queue = new WorkQueue({ maxBytes: 100, computing, maxQueued: 100 })
  const started: string[] = []
  const add = (client: string): Promise<Permit> => {
    return queue.acquire(1, { client, connection: {} }, never, { isLong: true }).then(permit => {
      started.push(client)
      return permit
    })
  }
  return { started, add }
}

t.test('a client that is alone may use the share of others', async t => {
  const { started, add } = createLongJobs(Infinity)
  const alone = Array.from({ length: 8 }, () => add('alone'))
  await nextTurn()
  t.same(started, Array(6).fill('alone'))
  add('other')
  for (const permit of alone.slice(0, 5)) (await permit).release()
  await nextTurn()
  t.same(started.slice(6), ['other', 'alone'], 'it returns to its share when another one computes')
})

t.test('it may do so again some time after the latest job of another one', async t => {
  const { started, add } = createLongJobs(0)
  ;(await add('other')).release()
  for (let i = 0; i < 8; i++) add('alone')
  await nextTurn()
  t.same(started, ['other', ...Array(6).fill('alone')])
})

t.test('a client whose jobs wait for longer still shares', async t => {
  let now = 0
  t.intercept(performance, 'now', { value: () => now })
  const { started, add } = createLongJobs(1000)
  const greedy = Array.from({ length: 20 }, () => add('greedy'))
  let other = add('other')
  for (const permit of greedy.slice(0, 6)) (await permit).release()
  await nextTurn()
  for (let i = 6; i < 12; i++) {
    now += 400
    ;(await other).release()
    other = add('other')
    ;(await greedy[i]!).release()
    await nextTurn()
  }
  const count = (client: string): number => started.filter(name => name === client).length
  t.same([count('greedy'), count('other')], [6 + 6 + 2, 1 + 6], 'two of the greedy one compute')
})

t.test('a client that keeps computing leaves room for others at once', async t => {
  const { started, add } = createLongJobs(Infinity)
  ;(await add('earlier')).release()
  started.pop()
  const greedy = Array.from({ length: 4 }, () => add('greedy'))
  const other = [add('other'), add('another'), add('a third')]
  await nextTurn()
  t.same(started, ['greedy', 'greedy', 'other', 'another'])
  ;(await greedy[0]!).lend(() => {}, 1000)
  await nextTurn()
  t.same(started.slice(4), ['greedy'], 'in turns')
  ;(await other[0]!).release()
  await nextTurn()
  t.same(started.slice(5), ['a third'])
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

t.test('if the queue is full, the client with most jobs loses its latest', async t => {
  const { queue, started, add, release } = createJobs(10, 4)
  add('running', 10)
  await nextTurn()
  const [greedy, other] = [{ client: 'greedy', connection: {} }, { client: 'other' }]
  const jobs = ['g1', 'g2', 'g3', 'g4', 'g5'].map(name => {
    return add(name, 10, greedy).catch((error: unknown) => error)
  })
  t.type(await jobs[4], QueueFullError, 'its own, if there is no other client')
  add('o1', 10, other)
  t.type(await jobs[3], QueueFullError, 'for another client')
  add('o2', 10, other)
  t.type(await jobs[2], QueueFullError)
  await t.rejects(add('o3', 10, other), QueueFullError, 'one that has as many itself loses its own')
  t.same([queue.queued, queue.rejected], [4, 4])
  for (const name of ['running', 'g1', 'o1', 'g2']) await release(name)
  t.same(started, ['running', 'g1', 'o1', 'g2', 'o2'])
})

t.test('results that clients do not read make room for jobs', async t => {
  const { queue, started, permits, add } = createJobs(100)
  const reclaimed: string[] = []
  const lend = async (name: string, pauseMs: number): Promise<void> => {
    add(name, 50)
    await nextTurn()
    permits.get(name)!.lend(() => reclaimed.push(name), pauseMs)
  }
  await lend('a', 0)
  await lend('b', 0)
  permits.get('a')!.use()
  add('c', 50)
  await nextTurn()
  t.same([reclaimed, started], [['b'], ['a', 'b', 'c']], 'the least recently used one')
  add('d', 90)
  await nextTurn()
  t.same([reclaimed, queue.queued], [['b', 'a'], 1], 'but no job that runs')
  permits.get('a')!.release()
  permits.get('c')!.release()
  await nextTurn()
  t.same([started.at(-1), queue.running, queue.runningBytes, queue.reclaimed], ['d', 1, 90, 2])
})

t.test('a result that a client reads is not reclaimed, and one that it pauses to read is at last', async t => {
  const { queue, started, permits, add } = createJobs(10)
  add('a', 10)
  await nextTurn()
  const reclaimed = new Promise<void>(resolve => permits.get('a')!.lend(resolve, 20))
  const waiting = add('b', 10)
  await nextTurn()
  t.same([started, queue.queued], [['a'], 1])
  permits.get('a')!.use()
  await reclaimed
  await waiting
  t.same(started, ['a', 'b'])
})

t.test('a job that continues a response is never rejected', async t => {
  const { queue, add } = createJobs(10, 1)
  add('running', 10)
  const resumed = Array.from({ length: 3 }, () => queue.acquire(10, requester, never, { isResumed: true }))
  add('waiting', 10)
  await t.rejects(add('rejected', 10, requester), QueueFullError)
  t.equal(queue.queued, 4)
  t.equal(resumed.length, 3)
})
