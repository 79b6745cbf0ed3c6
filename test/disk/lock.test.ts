import { fork } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { withLock } from '../../src/disk/lock.ts'

const holder = fileURLToPath(new URL('../fixtures/lock-holder.js', import.meta.url))
const never = new AbortController().signal
const warn = (message: string): void => { throw new Error(message) }

t.test('only one caller works at a time', async t => {
  const path = join(t.testdir(), 'locks', 'a')
  let [working, mostWorking, done] = [0, 0, 0]
  await Promise.all(Array.from({ length: 6 }, () => withLock(path, { signal: never, warn }, async () => {
    mostWorking = Math.max(mostWorking, ++working)
    await new Promise(resolve => setImmediate(resolve))
    working--
    done++
  })))
  t.same([mostWorking, done], [1, 6])
})

t.test('it returns the result of the work, and is released if the work throws', async t => {
  const path = join(t.testdir(), 'a')
  await t.rejects(withLock(path, { signal: never, warn }, async () => { throw new Error('no') }), { message: 'no' })
  t.equal(await withLock(path, { signal: never, warn }, async () => 7), 7)
})

t.test('a lock held by another process is released when that process is killed', async t => {
  const path = join(t.testdir(), 'a')
  const other = fork(holder, [path], { execArgv: process.execArgv })
  t.teardown(() => other.kill('SIGKILL'))
  await once(other, 'message')
  let killed = false
  const exit = once(other, 'exit')
  await withLock(path, { signal: never, warn, waiting: () => { killed = other.kill('SIGKILL') } }, async () => {
    t.ok(killed, 'not before')
    await exit
  })
})

t.test('a signal aborts waiting', async t => {
  const path = join(t.testdir(), 'a')
  const stopping = new AbortController()
  const reason = new Error('enough')
  const options = { signal: stopping.signal, warn, waiting: () => stopping.abort(reason) }
  await withLock(path, { signal: never, warn }, async () => {
    await t.rejects(withLock(path, options, async () => t.fail()), reason)
  })
  await t.rejects(withLock(path, { signal: AbortSignal.abort(reason), warn }, async () => t.fail()), reason)
})

t.test('without a lock the work is done nevertheless', async t => {
  const folder = t.testdir({ file: '' })
  const warnings: string[] = []
  const options = { signal: never, warn: (message: string) => { warnings.push(message) } }
  t.equal(await withLock(join(folder, 'file', 'a'), options, async () => 7), 7)
  t.equal(warnings.length, 1)
  t.match(warnings[0], /^running without a lock: (ENOTDIR|EEXIST)/)
})

t.test('on a file system without locks the work is done nevertheless', async t => {
  for (const name of ['ENOSYS', 'ENOLCK', 'EOPNOTSUPP'] as const) {
    const warnings: string[] = []
    const options = {
      signal: never,
      warn: (message: string) => { warnings.push(message) },
      tryLock: (): boolean => { throw new Error(`Unknown system error ${-constants.errno[name]}`) }
    }
    t.equal(await withLock(join(t.testdir(), 'a'), options, async () => 7), 7)
    t.equal(warnings.length, 1)
    t.match(warnings[0], new RegExp(`^running without a lock: ${name === 'EOPNOTSUPP' ? 'E' : name}`))
  }
})

t.test('a lock that fails while it is held elsewhere is not waited for', async t => {
  const answers = [() => false, () => { throw new Error('Unknown system error -37') }]
  const warnings: string[] = []
  const options = {
    signal: never,
    warn: (message: string) => { warnings.push(message) },
    tryLock: () => answers.shift()!()
  }
  t.equal(await withLock(join(t.testdir(), 'a'), options, async () => 7), 7)
  t.same(warnings, ['running without a lock: ENOLCK: no locks available'])
})
