/** Server processes for tests and benchmarks: the built service, and other servers beside it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './files.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** How often a port is tried before a server counts as not listening. */
const CONNECT_ATTEMPTS = 600
/** How long a dataset may take until it is ready. */
const READY_MS = 600_000

/**
 * Starts the service with its log at level `info`, and waits until it listens and its first dataset is ready.
 *
 * @param options see `spawnService`
 * @returns the base address, pid, child process, the lines of its log, milliseconds of each stage, and `stop`
 */
export async function startService (options = {}) {
  const started = performance.now()
  return await spawnService({ PORT: '0' }, options, server => readyByLog(server, started))
}

/**
 * Starts the service without a log line per request, and waits until `/readyz` succeeds.
 *
 * @param options see `spawnService`; `port` is a free one by default
 */
export async function startQuietService (options = {}) {
  const port = options.port ?? await freePort()
  const base = `http://127.0.0.1:${port}`
  return await spawnService({ PORT: String(port), LOG_LEVEL: 'error' }, options, async (server, exit) => {
    await listening(port, exit)
    await ready(base)
    return { base }
  })
}

/** Waits until all datasets of a service are ready. */
export async function ready (base) {
  for (;;) {
    const { ok, status } = await fetch(`${base}/readyz`)
    if (ok) return
    if (status !== 503) throw new Error(`/readyz responds with ${status}`)
    await delay(50)
  }
}

/** Starts any other server, which must listen on `port`. */
export async function startServer (port, command, parameters) {
  const server = spawn(command, parameters, { stdio: ['ignore', 'inherit', 'inherit'] })
  const exit = once(server, 'exit')
  await listening(port, exit)
  return {
    base: `http://127.0.0.1:${port}`,
    pid: server.pid,
    stop: async () => {
      server.kill('SIGTERM')
      await exit
    }
  }
}

/**
 * @param options.program path of the program in the repository
 * @param options.settings environment variables
 * @param options.dataFolder a temporary folder by default
 * @param options.nodeOptions arguments of Node.js
 * @param options.ipc whether messages can be sent to the process
 * @param options.wrap returns the command and arguments that run a given command, such as in a cgroup
 */
async function spawnService (defaults, options, ready) {
  const { program = 'dist/server.js', settings, dataFolder, nodeOptions = [], ipc = false } = options
  const { wrap = command => command } = options
  const folder = dataFolder ?? temporaryFolder('service')
  const [command, ...args] = wrap([process.execPath, ...nodeOptions, join(root, program)])
  const server = spawn(command, args, {
    // No other variables, so that everything else has its default.
    env: { PATH: process.env.PATH, DATA_DIR: folder, ...defaults, ...settings },
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? ['ipc'] : [])]
  })
  const exit = once(server, 'exit')
  const stop = async () => {
    server.kill('SIGTERM')
    const [code, signal] = await exit
    return { code, signal }
  }
  try {
    return { ...await ready(server, exit), child: server, pid: server.pid, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Reads the log until the server listens and the first dataset is ready, in either order. */
function readyByLog (server, started) {
  return new Promise((resolve, reject) => {
    const stages = {}
    const lines = []
    let base
    let isReady = false
    // Keeps reading after that, since a full pipe would block the server.
    createInterface(server.stdout).on('line', text => {
      const line = JSON.parse(text)
      lines.push(line)
      if (line.msg.startsWith('listening on ')) {
        base = line.msg.slice('listening on '.length)
        stages['listening ms'] = Math.round(performance.now() - started)
      }
      if (line.msg === 'acquired') stages['acquiring ms'] = line.ms
      if (line.msg === 'prepared') Object.assign(stages, { 'preparing ms': line.ms, backend: line.backend })
      if (line.msg.endsWith(' is ready')) isReady = true
      if (base && isReady) {
        stages['ready ms'] ??= Math.round(performance.now() - started)
        resolve({ base, stages, lines })
      }
      if (line.level >= 50) reject(new Error(line.msg))
    })
    setTimeout(() => reject(new Error(`not ready after ${READY_MS} ms`)), READY_MS).unref()
    server.once('exit', (code, signal) => {
      reject(new Error(`the server ended with ${signal ?? `exit code ${code}`} before it was ready`))
    })
  })
}

/** For servers that cannot pick a free port themselves and report it. */
export async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves when the port accepts connections; rejects if the process exits before. */
async function listening (port, exit) {
  let ended = false
  exit.then(() => { ended = true })
  for (let attempt = 0; attempt < CONNECT_ATTEMPTS; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    if (ended) throw new Error(`the server ended before it listened on port ${port}`)
    await delay(100)
  }
  throw new Error(`no server listens on port ${port}`)
}

/** Resident memory of a process, NaN where there is no /proc. */
export function residentMiB (pid) {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
  } catch {
    return NaN
  }
}

/** User and system time of a process, NaN where there is no /proc. */
export function cpuSeconds (pid) {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13)
    // Linux counts in hundredths of a second.
    return (Number(user) + Number(system)) / 100
  } catch {
    return NaN
  }
}
