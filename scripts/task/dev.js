/** Starts the service, and rebuilds and restarts it on every change. */
import { spawn, spawnSync } from 'node:child_process'
import { watch } from 'node:fs'

const QUIET_MS = 300

const { status } = spawnSync(process.execPath, ['scripts/build.js'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
const tsc = ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.build.json', '--watch', '--preserveWatchOutput']
const compiler = spawn(process.execPath, tsc, { stdio: 'inherit' })
let server = start()
let restart
// Not node --watch, whose messages the process that prepares datasets would send, too.
watch('dist', { recursive: true }, () => {
  clearTimeout(restart)
  restart = setTimeout(() => stop(() => { server = start() }), QUIET_MS)
})
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    compiler.kill()
    stop(() => process.exit())
  })
}

function stop (then) {
  if (server.exitCode !== null) return then()
  server.once('exit', then)
  server.kill()
}

function start () {
  return spawn(process.execPath, ['dist/server.js'], { stdio: 'inherit' })
}
