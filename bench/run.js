/**
 * This service beside what one would use instead, on loopback: prints one table, and writes it to bench/results.
 *
 *     npm run bench [-- rows …] [--rounds 5] [--seconds 2]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startFastapi } from './fastapi.js'
import { batchSizes, datasetSizes } from './growth.js'
import { latency } from './latency.js'
import { machine } from './machine.js'
import { startNginx } from './nginx.js'
import { hasModules, hasProgram } from './peers.js'
import { startQuiet } from './server.js'
import { slowReaders } from './slow-readers.js'
import { starts } from './start.js'
import { printTable, summarize } from './table.js'
import { notModified, staticFiles, throughput, throughputRows } from './throughput.js'
import { training } from './training.js'
import { longestTurns } from './turns.js'

/** Every comparison by name; each gives rows of the table. */
const comparisons = {
  ...Object.fromEntries(Object.keys(throughputRows).map(name => [name, context => throughput(name, context)])),
  'not-modified': notModified,
  training: context => hasModules('torch', 'torchvision') ? training(context) : [],
  latency,
  start: starts,
  turns: longestTurns,
  'slow-readers': slowReaders,
  'batch-sizes': batchSizes,
  'dataset-sizes': datasetSizes
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } }
})
const names = positionals.length > 0 ? positionals : Object.keys(comparisons)
const unknown = names.filter(name => !(name in comparisons))
if (unknown.length > 0) throw new Error(`no comparison ${unknown.join(', ')}; there are: ${Object.keys(comparisons).join(', ')}`)
if (!hasProgram('wrk', 'wrk')) throw new Error('nothing can be measured without wrk')

const started = performance.now()
const beside = names.filter(name => name in throughputRows)
const running = []
const rows = []
try {
  const ours = await run(startQuiet())
  const nginx = beside.length > 0 && hasProgram('nginx', 'nginx-light') && await run(startNginx(await staticFiles(ours.base, beside)))
  const wantsFastapi = beside.some(name => throughputRows[name].fastapi) && hasModules('fastapi', 'uvicorn', 'uvloop', 'httptools', 'orjson', 'numpy')
  const fastapi = wantsFastapi && await run(startFastapi())
  const bare = names.includes('not-modified') && await run(startBare())
  const context = { ours, nginx, fastapi, bare, rounds: Number(options.rounds), seconds: Number(options.seconds) }
  for (const name of names) {
    console.error(`measuring ${name} …`)
    try {
      rows.push(...(await comparisons[name](context)).map(summarize))
    } catch (error) {
      console.error(`\nFAILED ${name}: ${error.message}\n`)
      process.exitCode = 1
    }
  }
} finally {
  for (const { stop } of running) await stop()
}

const minutes = ((performance.now() - started) / 60_000).toFixed(1)
console.log(Object.entries(machine()).map(([name, version]) => `${name} ${version}`).join(', '))
console.log(`medians of ${options.rounds} rounds of ${options.seconds} s in turns, of pages and 304s ${2 * options.rounds + 1}, ratios round by round; wrk with 1 thread and 16 connections where no others are named; ${minutes} min\n`)
printTable(rows)
const file = new URL('results/bench.json', import.meta.url)
mkdirSync(new URL('.', file), { recursive: true })
writeFileSync(file, JSON.stringify({ date: new Date().toISOString(), machine: machine(), ...options, rows }, null, 2) + '\n')

/** Remembers what is to be stopped at the end. */
async function run (starting) {
  const server = await starting
  running.push(server)
  return server
}

async function startBare () {
  const child = spawn(process.execPath, [fileURLToPath(new URL('bare.js', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [address] = await once(child.stdout, 'data')
  const exit = once(child, 'exit')
  return { base: String(address).trim(), stop: () => child.kill('SIGTERM') && exit }
}
