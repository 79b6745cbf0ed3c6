/**
 * Fuzzes the readers of untrusted bytes with mutations of valid inputs. For each input a reader must return a valid
 * result or throw an error with the reason: no crash, no hang, no memory beyond a limit. Every input is generated from
 * a seed; seeds that failed once are recorded in fuzz/seeds.json and tried first.
 *
 *     npm run drill -- fuzz [reader …] [--count 100000] [--seed n]
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { check } from '../lib/checks.js'

/** Longest time for one input. */
const HANG_MS = 10_000
/** Most memory beyond that at the start. */
const MEMORY_LIMIT_MIB = 256

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string' } }
})
const count = Number(values.count)
const firstSeed = Number(values.seed ?? randomInt(2 ** 31))
const seedsFile = new URL('fuzz/seeds.json', import.meta.url)
const failedSeeds = JSON.parse(readFileSync(seedsFile, 'utf8'))
const available = readdirSync(new URL('fuzz/', import.meta.url))
  .filter(name => name.endsWith('.js') && !['worker.js', 'mutate.js'].includes(name))
  .map(name => name.slice(0, -'.js'.length))
const readers = positionals.length > 0 ? positionals : available
const unknown = readers.filter(name => !available.includes(name))
if (unknown.length > 0) throw new Error(`unknown reader: ${unknown.join(', ')}; available: ${available.join(', ')}`)

for (const reader of readers) {
  const { failure, detail } = await fuzz(reader)
  check(reader, !failure, failure ?? detail)
}

async function fuzz (reader) {
  // Shared with the worker: the seed of the current input, and the number of finished inputs.
  const state = new Uint32Array(new SharedArrayBuffer(8))
  const worker = new Worker(fileURLToPath(new URL('fuzz/worker.js', import.meta.url)), {
    workerData: { reader, failedSeeds: failedSeeds[reader] ?? [], firstSeed, count, state }
  })
  const before = process.memoryUsage.rss()
  const started = performance.now()
  let mostMemory = before
  let last = { finished: -1, time: 0 }
  const watch = setInterval(() => {
    mostMemory = Math.max(mostMemory, process.memoryUsage.rss())
    if (state[1] !== last.finished) last = { finished: state[1], time: performance.now() }
    else if (performance.now() - last.time > HANG_MS) worker.emit('error', new Error('hangs'))
  }, 20)
  try {
    const [{ read, rejected }] = await once(worker, 'message')
    const mib = Math.round((mostMemory - before) / 2 ** 20)
    if (mib > MEMORY_LIMIT_MIB) return { failure: `used ${mib} MiB, expected at most ${MEMORY_LIMIT_MIB}` }
    const rate = Math.round(state[1] / (performance.now() - started) * 1000)
    const inputs = `${state[1]} inputs from seed ${firstSeed}, ${read} read, ${rejected} rejected`
    return { detail: `${inputs}, ${rate} per second, ${mib} MiB` }
  } catch (error) {
    const seed = state[0]
    failedSeeds[reader] = [...new Set([...failedSeeds[reader] ?? [], seed])]
    writeFileSync(seedsFile, JSON.stringify(failedSeeds, null, 2) + '\n')
    return { failure: `seed ${seed}: ${error.stack ?? error.message}` }
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}
