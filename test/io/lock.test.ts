import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { withLock } from '../../src/io/lock.ts'

const holder = fileURLToPath(new URL('../fixtures/lock-holder.js', import.meta.url))
const never = new AbortController().signal
const warn = (message: string): void => { throw new Error(message) }

t.test('one at a time, in the order of nobody', async t => {
  const path = join(t.testdir(), 'locks', 'a')
  let [inside, most, done] = [0, 0, 0]
  await Promise.all(Array.from({ length: 6 }, () => withLock(path, { signal: never, warn }, async () => {
    most = Math.max(most, ++inside)
    await new Promise(resolve => setImmediate(resolve))
    inside--
    done++
  })))
  t.same([most, done], [1, 6])
})

t.test('gives what the work gives, and lets go when it throws', async t => {
  const path = join(t.testdir(), 'a')
  await t.rejects(withLock(path, { signal: never, warn }, async () => { throw new Error('no') }), { message: 'no' })
  t.equal(await withLock(path, { signal: never, warn }, async () => 7), 7)
})

t.test('a holder in another process keeps it, and loses it when it is killed', async t => {
  const path = join(t.testdir(), 'a')
  const other = fork(holder, [path], { execArgv: process.execArgv })
  t.teardown(() => other.kill('SIGKILL'))
  await once(other, 'message')
  let killed = false
  const exit = once(other, 'exit')
  await withLock(path, { signal: never, warn, waiting: () => { killed = other.kill('SIGKILL') } }, async () => {
    t.ok(killed, 'it was waited for')
    await exit
  })
})

t.test('who waits can be told to stop', async t => {
  const path = join(t.testdir(), 'a')
  const stopping = new AbortController()
  const reason = new Error('enough')
  await withLock(path, { signal: never, warn }, async () => {
    await t.rejects(withLock(path, { signal: stopping.signal, warn, waiting: () => stopping.abort(reason) }, async () => t.fail()), reason)
  })
  await t.rejects(withLock(path, { signal: AbortSignal.abort(reason), warn }, async () => t.fail()), reason)
})

t.test('what cannot be locked is done all the same', async t => {
  const folder = t.testdir({ file: '' })
  const warnings: string[] = []
  t.equal(await withLock(join(folder, 'file', 'a'), { signal: never, warn: message => { warnings.push(message) } }, async () => 7), 7)
  t.equal(warnings.length, 1)
  t.match(warnings[0], /^running without a lock: (ENOTDIR|EEXIST)/)
})
