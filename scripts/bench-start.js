/**
 * How long from the start of the process to ready, how much of it is preparing, and how much memory the server keeps.
 * Each round starts `node dist/server.js` with an empty data folder; prints each round and the medians.
 *
 *     npm run bench:start [-- rounds]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

const rounds = Number(process.argv[2] ?? 5)
/** Memory at rest is read after this long without a request. */
const REST_MS = 2000

async function round () {
  const folder = mkdtempSync(join(tmpdir(), 'bench-start-'))
  const started = performance.now()
  const server = spawn(process.execPath, ['dist/server.js'], {
    env: { ...process.env, PORT: '0', DATA_DIR: folder, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  try {
    const result = {}
    for await (const text of createInterface(server.stdout)) {
      const line = JSON.parse(text)
      if (line.msg.startsWith('listening on')) result['listening ms'] = Math.round(performance.now() - started)
      if (line.msg === 'acquired') result['acquiring ms'] = line.ms
      if (line.msg === 'prepared') Object.assign(result, { 'preparing ms': line.ms, backend: line.backend })
      if (line.msg.endsWith('is ready')) {
        result['ready ms'] = Math.round(performance.now() - started)
        break
      }
      if (line.level >= 50) throw new Error(line.msg)
    }
    await delay(REST_MS)
    result['RSS MiB'] = residentMiB(server.pid)
    return result
  } finally {
    const exit = once(server, 'exit')
    server.kill('SIGTERM')
    await exit
    rmSync(folder, { recursive: true })
  }
}

/** From /proc, hence on Linux only. */
function residentMiB (pid) {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
  } catch {
    return NaN
  }
}

function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const results = []
for (let i = 0; i < rounds; i++) results.push(await round())
const names = Object.keys(results[0]).filter(name => typeof results[0][name] === 'number')
console.log(`Node ${process.version}, ${rounds} rounds, each with an empty data folder`)
console.table(results)
console.table({ median: Object.fromEntries(names.map(name => [name, median(results.map(result => result[name]))])) })
