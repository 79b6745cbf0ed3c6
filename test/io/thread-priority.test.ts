import { getPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import t from 'tap'

t.test('a thread lowers its own priority, and that of no other', {
  skip: process.platform !== 'linux' && 'threads have no priorities here'
}, async t => {
  const before = getPriority()
  const program = `
    import { readlinkSync } from 'node:fs'
    import { getPriority } from 'node:os'
    import { parentPort } from 'node:worker_threads'
    import { lowerThreadPriority } from '${new URL('../../src/io/thread-priority.js', import.meta.url)}'
    lowerThreadPriority(5)
    parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))))
  `
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
  const [priority] = await once(worker, 'message')
  await worker.terminate()
  t.equal(priority, Math.max(before, 5))
  t.equal(getPriority(), before)
})
