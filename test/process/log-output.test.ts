import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, closeSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { Writable } from 'node:stream'
import t from 'tap'
import { createConsole } from '../../src/process/console.ts'

const { href } = new URL('../../src/process/console.js', import.meta.url)
const program = `import { createConsole } from '${href}'
  import { setImmediate } from 'node:timers/promises'
  const { logger } = await createConsole('info')
  await new Promise(resolve => process.once('message', resolve))
  for (let i = 0; i < 100; i++) {
    logger.info('line')
    process.stderr.write(process.env.ALSO_STDERR ?? '')
    await setImmediate()
  }
  process.send('alive')
  process.disconnect()`

type Output = 'pipe' | number

/** A process that logs 100 lines once it is told to. */
function start (stdout: Output, stderr: Output, env: Record<string, string> = {}): ChildProcess {
  const args = [...process.execArgv, '--input-type=module', '--eval', program]
  return spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', stdout, stderr, 'ipc'] })
}

async function ending (child: ChildProcess): Promise<unknown[]> {
  child.send('start')
  const [[message], [code, signal]] = await Promise.all([once(child, 'message'), once(child, 'exit')])
  return [message, code, signal]
}

const warning = /^mnist-batch-server: log lines are lost, since standard output cannot be written: [^\n]+\n$/

t.test('a log reader that exits does not end the process', async t => {
  const child = start('pipe', 'pipe')
  const stderr = text(child.stderr!)
  child.stdout!.destroy()
  t.same(await ending(child), ['alive', 0, null])
  t.match(await stderr, warning, 'one warning on standard error')
  t.match(await stderr, /EPIPE/)
})

t.test('a full disk does not end the process', { skip: !existsSync('/dev/full') && 'needs /dev/full' }, async t => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const child = start(full, 'pipe')
  const stderr = text(child.stderr!)
  t.same(await ending(child), ['alive', 0, null])
  t.match(await stderr, warning, 'one warning on standard error')
  t.match(await stderr, /ENOSPC/)
  t.same(await ending(start(full, full, { ALSO_STDERR: 'x' })), ['alive', 0, null], 'not even that of both streams')
})

t.test('standard error that is not read does not end the process', async t => {
  const child = start('pipe', 'pipe', { ALSO_STDERR: 'x' })
  const stdout = text(child.stdout!)
  child.stderr!.destroy()
  t.same(await ending(child), ['alive', 0, null])
  const lines = (await stdout).trimEnd().split('\n').map(line => JSON.parse(line))
  t.equal(lines.filter(({ msg }) => msg === 'line').length, 100)
  t.match(lines.filter(({ level }) => level === 40), [{ msg: /^standard error cannot be written: .*EPIPE/ }])
})

t.test('nor do both', async t => {
  const child = start('pipe', 'pipe', { ALSO_STDERR: 'x' })
  child.stdout!.destroy()
  child.stderr!.destroy()
  t.same(await ending(child), ['alive', 0, null])
})

/** A fake stream that fails, or that nothing reads. */
class Stream extends Writable {
  readonly isTTY: boolean
  readonly columns = 80
  text = ''
  writes = 0
  fault: Error | undefined
  isRead = true

  constructor (isTTY: boolean) {
    super({ decodeStrings: false, autoDestroy: false, highWaterMark: 1 })
    this.isTTY = isTTY
  }

  override _write (chunk: string, _encoding: string, done: (error?: Error) => void): void {
    this.writes++
    if (this.isRead) this.text += chunk
    if (this.isRead) done(this.fault)
  }

  get asStream (): NodeJS.WriteStream { return this as unknown as NodeJS.WriteStream }
}

t.test('a terminal that closes takes neither its log nor its progress bar to an end', async t => {
  const [stdout, stderr] = [new Stream(true), new Stream(true)]
  const { logger, report } = await createConsole('info', stdout.asStream, stderr.asStream)
  stdout.fault = Object.assign(new Error('write EIO'), { code: 'EIO', syscall: 'write' })
  const warned = new Promise<void>(resolve => stdout.on('error', () => resolve()))
  for (let done = 0; done < 100; done++) report('tiny', { stage: 'prepare', item: 'normalizing', done, total: 100 })
  for (let i = 0; i < 100; i++) logger.info('line')
  await warned
  report('tiny', { stage: 'prepare', item: 'normalizing', done: 100, total: 100 })
  t.match(stderr.text, warning)
})

t.test('lines that nothing reads are dropped beyond a limit', async t => {
  const [stdout, stderr] = [new Stream(false), new Stream(false)]
  stdout.isRead = false
  const { logger } = await createConsole('info', stdout.asStream, stderr.asStream)
  for (let i = 0; i < 10_000; i++) logger.info('x'.repeat(1000))
  t.ok(stdout.writableLength < 1.1 * 2 ** 20, `${stdout.writableLength} bytes wait`)
  t.match(stderr.text, /^mnist-batch-server: log lines are lost, [^\n]*: nothing reads it\n$/)
})
