/**
 * Feeds the readers of foreign bytes with inputs that were right once: flipped, cut, spliced, repeated. Each must end in what the
 * reader promises or in an error that names the reason: no crash, no hang, no memory beyond a ceiling. Every input comes from a
 * seed; those that failed once are kept in fuzz/seeds.json and tried first.
 *
 *     npm run fuzz [-- reader …] [--count 100000] [--seed n]
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'

/** No input may take longer. */
const HANG_MS = 10_000
/** Above what the process had when it began. */
const CEILING_MIB = 256

const { values, positionals } = parseArgs({ allowPositionals: true, options: { count: { type: 'string', default: '100000' }, seed: { type: 'string' } } })
const count = Number(values.count)
const first = Number(values.seed ?? randomInt(2 ** 31))
const seedsFile = new URL('fuzz/seeds.json', import.meta.url)
const seeds = JSON.parse(readFileSync(seedsFile, 'utf8'))
const known = readdirSync(new URL('fuzz/', import.meta.url)).filter(name => name.endsWith('.js')).map(name => name.slice(0, -3)).filter(name => !['worker', 'mutate'].includes(name))
const readers = positionals.length > 0 ? positionals : known
const unknown = readers.filter(name => !known.includes(name))
if (unknown.length > 0) throw new Error(`no reader ${unknown.join(', ')}; there are: ${known.join(', ')}`)

let [passed, failed] = [0, 0]
for (const reader of readers) {
  const { failure, detail } = await fuzz(reader)
  failure ? failed++ : passed++
  console.log(`${failure ? 'FAILED  ' : 'passed  '} ${reader}: ${failure ?? detail}`)
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed > 0 ? 1 : 0

async function fuzz (reader) {
  // The seed of the input that is being read, and how many have been.
  const state = new Uint32Array(new SharedArrayBuffer(8))
  const worker = new Worker(fileURLToPath(new URL('fuzz/worker.js', import.meta.url)), { workerData: { reader, known: seeds[reader] ?? [], first, count, state } })
  const before = process.memoryUsage.rss()
  const started = performance.now()
  let most = before
  let last = { index: -1, time: 0 }
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
    if (state[1] !== last.index) last = { index: state[1], time: performance.now() }
    else if (performance.now() - last.time > HANG_MS) worker.emit('error', new Error('hangs'))
  }, 20)
  try {
    const [kinds] = await once(worker, 'message')
    const mib = Math.round((most - before) / 2 ** 20)
    if (mib > CEILING_MIB) return { failure: `took ${mib} MiB, at most ${CEILING_MIB} were expected` }
    const seconds = (performance.now() - started) / 1000
    return { detail: `${state[1]} inputs from seed ${first} on, ${kinds.read} read, ${kinds.refused} refused, ${Math.round(state[1] / seconds)} a second, ${mib} MiB` }
  } catch (error) {
    const seed = state[0]
    seeds[reader] = [...new Set([...seeds[reader] ?? [], seed])]
    writeFileSync(seedsFile, JSON.stringify(seeds, null, 2) + '\n')
    return { failure: `seed ${seed}: ${error.stack ?? error.message}` }
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}
