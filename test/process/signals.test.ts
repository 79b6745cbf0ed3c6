import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'

type Ending = [code: number | null, signal: string | null]

/** Imports signals.ts, runs code before and after it sends a signal, all in a process of its own. */
async function ending (code: string, signal = 'SIGTERM', after = ''): Promise<Ending> {
  const signals = new URL('../../src/process/signals.js', import.meta.url)
  const module = `import { releaseSignals } from ${JSON.stringify(signals)}
    ${code}
    setInterval(() => {}, 1000)
    process.kill(process.pid, '${signal}')
    ${after}`
  const args = [...process.execArgv, '--input-type=module', '--eval', module]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  return await once(child, 'exit') as Ending
}

t.test('a signal during startup exits with code 0', async t => {
  t.same(await ending(''), [0, null])
})

t.test('after releaseSignals, other handlers get the signals', async t => {
  t.same(await ending('releaseSignals(); process.on("SIGTERM", () => process.exit(7))'), [7, null])
})

t.test('SIGHUP and SIGUSR1 neither end the process nor open a debugger', async t => {
  const watch = `import inspector from 'node:inspector'
    setInterval(() => { if (inspector.url()) process.exit(8) }, 1)`
  for (const signal of ['SIGHUP', 'SIGUSR1']) {
    const exit = `process.on('${signal}', () => process.exit(7))`
    t.same(await ending(watch, signal, exit), [7, null], `${signal} reaches only this listener, which is added later`)
    t.same(await ending(`${watch}; releaseSignals()`, signal, exit), [7, null])
  }
})
