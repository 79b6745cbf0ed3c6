import { readFileSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import t from 'tap'
import { lowerPoolPriority } from '../../src/scheduling/thread-priority.ts'

t.test('a thread lowers its own priority, and that of no other', {
  skip: process.platform !== 'linux' && 'threads have no priorities here'
}, async t => {
  const before = getPriority()
  const program = `
    import { readlinkSync } from 'node:fs'
    import { getPriority } from 'node:os'
    import { parentPort } from 'node:worker_threads'
    import { lowerThreadPriority } from '${new URL('../../src/scheduling/thread-priority.js', import.meta.url)}'
    lowerThreadPriority(5)
    parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))))
  `
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
  const [priority] = await once(worker, 'message')
  await worker.terminate()
  t.equal(priority, Math.max(before, 5))
  t.equal(getPriority(), before)
})

t.test("only the threads of libuv's pool get a lower priority, where they have names", {
  skip: process.platform !== 'linux' && 'threads have no priorities here'
}, async t => {
  // The pool starts with the first work.
  await readFile('/proc/self/comm')
  const priorities = () => readdirSync('/proc/self/task').map(task => {
    const isOfPool = readFileSync(`/proc/self/task/${task}/comm`, 'utf8').startsWith('libuv-worker')
    return { task, isOfPool, priority: getPriority(Number(task)) }
  })
  const expected = priorities().map(thread => {
    return thread.isOfPool ? { ...thread, priority: Math.max(10, thread.priority) } : thread
  })
  await lowerPoolPriority(10)
  t.same(priorities(), expected)
})
