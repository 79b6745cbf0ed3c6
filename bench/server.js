/** Starts a server of this repository as users do, and tells how long that took. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, listening } from './port.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * A server that logs, once its dataset is ready.
 *
 * @returns its base address, pid, the milliseconds of each stage, and `stop`
 */
export async function startLogging (options = {}) {
  const started = performance.now()
  return await start({ PORT: '0' }, options, server => readyByLog(server, started))
}

/** A server that logs no requests, as its peers are set up not to, once its dataset is ready. */
export async function startQuiet (options = {}) {
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  return await start({ PORT: String(port), LOG_LEVEL: 'error' }, options, async (server, exit) => {
    await listening(port, exit)
    while (!(await fetch(`${base}/readyz`)).ok) await delay(50)
    return { base }
  })
}

/**
 * @param options.program what is run, relative to the repository
 * @param options.dataFolder an empty one of its own where none is given
 * @param options.ipc whether messages can be sent to it
 */
async function start (settings, { program = 'dist/server.js', dataFolder, nodeOptions = [], ipc = false, ...options }, ready) {
  const folder = dataFolder ?? mkdtempSync(join(tmpdir(), 'bench-'))
  const server = spawn(process.execPath, [...nodeOptions, join(root, program)], {
    // Nothing else of this environment, so that what is not given has its default.
    env: { PATH: process.env.PATH, DATA_DIR: folder, ...settings, ...options.settings },
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? ['ipc'] : [])]
  })
  const exit = once(server, 'exit')
  const stop = async () => {
    server.kill('SIGTERM')
    await exit
    if (dataFolder === undefined) rmSync(folder, { recursive: true })
  }
  try {
    return { ...await ready(server, exit), child: server, pid: server.pid, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What the log says until the dataset is ready. */
function readyByLog (server, started) {
  return new Promise((resolve, reject) => {
    const stages = {}
    let base
    // Reads on after that, since a server whose log nobody reads has to stop.
    createInterface(server.stdout).on('line', text => {
      const line = JSON.parse(text)
      if (line.msg.startsWith('listening on ')) {
        base = line.msg.slice('listening on '.length)
        stages['listening ms'] = Math.round(performance.now() - started)
      }
      if (line.msg === 'acquired') stages['acquiring ms'] = line.ms
      if (line.msg === 'prepared') Object.assign(stages, { 'preparing ms': line.ms, backend: line.backend })
      if (line.msg.endsWith('is ready')) {
        stages['ready ms'] = Math.round(performance.now() - started)
        resolve({ base, stages })
      }
      if (line.level >= 50) reject(new Error(line.msg))
    })
    server.once('exit', code => reject(new Error(`ended with exit code ${code} before it was ready`)))
  })
}

/** Memory that a process keeps; from /proc, hence on Linux only. */
export function residentMiB (pid) {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
  } catch {
    return NaN
  }
}
