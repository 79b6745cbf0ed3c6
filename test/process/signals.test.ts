import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'

/** Imports signals.ts, runs `code` and sends SIGTERM, all in a process of its own; resolves to how that ended. */
async function ending (code: string): Promise<[code: number | null, signal: string | null]> {
  const signals = new URL('../../src/process/signals.js', import.meta.url)
  const module = `import { releaseSignals } from ${JSON.stringify(signals)}
    ${code}
    setInterval(() => {}, 1000)
    process.kill(process.pid, 'SIGTERM')`
  const args = [...process.execArgv, '--input-type=module', '--eval', module]
  const child = spawn(process.execPath, args, { stdio: 'inherit' })
  return await once(child, 'exit') as [number | null, string | null]
}

t.test('a signal during startup exits with code 0', async t => {
  t.same(await ending(''), [0, null])
})

t.test('after releaseSignals, other handlers get the signals', async t => {
  t.same(await ending('releaseSignals(); process.on("SIGTERM", () => process.exit(7))'), [7, null])
})
