import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'

/** Runs a module that imports early-stop.ts, then `code`, then gets a SIGTERM; gives how it ended. */
async function ending (code: string): Promise<[code: number | null, signal: string | null]> {
  const module = `import { handOverSignals } from ${JSON.stringify(new URL('../../src/process/signals.js', import.meta.url))}
    ${code}
    setInterval(() => {}, 1000)
    process.kill(process.pid, 'SIGTERM')`
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', module], { stdio: 'inherit' })
  return await once(child, 'exit') as [number | null, string | null]
}

t.test('a signal during the start ends the process well', async t => {
  t.same(await ending(''), [0, null])
})

t.test('signals are handed over', async t => {
  t.same(await ending('handOverSignals(); process.on("SIGTERM", () => process.exit(7))'), [7, null])
})
