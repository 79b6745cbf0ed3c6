/**
 * Watches the memory of a server under requests of every kind: the median of the last minute may differ by at most 10 %
 * from that after the first minute. Then 2,000 connections come and go, and the memory under the same load is measured
 * again. Samples of the responses must be the same as in the beginning.
 *
 *     npm run drill -- soak [--minutes 20 --connections 2000 --without-map --verbose]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from '../../bench/rounds.js'
import { check, skipAll } from '../lib/checks.js'
import { residentMiB, startQuietService } from '../lib/server.js'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    connections: { type: 'string', default: '2000' },
    /** Does not wait for the map, whose computation takes long on a busy machine. */
    'without-map': { type: 'boolean', default: false },
    /** Prints every sample of the memory. */
    verbose: { type: 'boolean', default: false }
  }
})
const minutes = Number(options.minutes)
const SAMPLE_MS = 5000
const MAX_CHANGE = 0.1
const MAP_POLL_MS = 1000

if (!(minutes >= 3)) throw new Error('--minutes must be at least 3: the first, the last, and one between them')
if (Number.isNaN(residentMiB(process.pid))) skipAll('memory is measured only on Linux')
// Like the image.
const server = await startQuietService({ settings: { MALLOC_ARENA_MAX: '2' } })
try {
  await soak(server)
} finally {
  await server.stop()
}

async function soak ({ base, pid }) {
  if (!options['without-map']) await untilMapIsComputed(base)
  const client = fork(fileURLToPath(new URL('soak/client.js', import.meta.url)), [base])
  const exited = once(client, 'exit')
  exited.then(async ([code]) => {
    if (!code) return
    await server.stop()
    process.exit(code)
  })
  try {
    await ask(client, 'begin')
    const started = performance.now()
    const before = await watch(pid, (minutes - 1) * 60_000, started)
    const early = median(before.filter(({ ms }) => ms >= 60_000 && ms < 90_000).map(({ mib }) => mib))
    const late = median((await watch(pid, 60_000, started)).map(({ mib }) => mib))
    await ask(client, 'crowd', Number(options.connections))
    // Connections that have just been closed are forgotten within some seconds.
    await watch(pid, 30_000, started)
    const after = median((await watch(pid, 60_000, started)).map(({ mib }) => mib))
    const { counts, checked } = await ask(client, 'end')
    await exited
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
    console.log(`         ${total} requests: ${Object.entries(counts).map(([kind, n]) => `${kind} ${n}`).join(', ')}`)
    report(`memory of the last minute (${minutes} min)`, early, late)
    report(`memory after ${options.connections} connections`, early, after)
    check('bytes are the same as in the beginning', checked > 0, `${checked} responses`)
  } finally {
    client.kill()
  }
}

function report (name, early, late) {
  const change = late / early - 1
  check(name, Math.abs(change) <= MAX_CHANGE,
    `${late} MiB, ${early} MiB after the first minute (${(100 * change).toFixed(1)} %)`)
}

/** Sends a message to the client process, and waits for the answer. */
async function ask (client, name, value) {
  client.send({ name, value })
  const [answer] = await once(client, 'message')
  return answer
}

/** It is computed once, in the background, and takes memory of its own meanwhile. */
async function untilMapIsComputed (base) {
  while ((await fetch(`${base}/v1/datasets/mnist/splits/train/map`)).status !== 200) await delay(MAP_POLL_MS)
}

/** Samples the memory of the server and its children for some time. */
async function watch (pid, duration, started) {
  const samples = []
  for (const end = performance.now() + duration; performance.now() < end;) {
    await delay(Math.min(SAMPLE_MS, Math.max(0, end - performance.now())))
    const sample = { ms: performance.now() - started, mib: treeMiB(pid) }
    samples.push(sample)
    if (options.verbose) console.log(`         ${Math.round(sample.ms / 1000)} s: ${sample.mib} MiB`)
  }
  return samples
}

/** Resident memory of a process and all its descendants. */
function treeMiB (pid) {
  let sum = residentMiB(pid)
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean)
      for (const child of children) sum += treeMiB(Number(child)) || 0
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum
}
