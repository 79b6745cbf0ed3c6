/** What 500 slow readers cost: memory of ours, and the latency of everybody else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { load } from './load.js'
import { median } from './rounds.js'
import { residentMiB } from './server.js'

const program = fileURLToPath(new URL('slow_readers.py', import.meta.url))
const READERS = 500
const SPLIT = '/v1/datasets/mnist/splits/train/batches?format=safetensors'
const OTHERS = `${SPLIT}&batch_size=256&page={}`

/**
 * What each reader holds, and how much memory of the server's own that may take. Pages of 4096 do not fit into a socket's
 * buffers: in natural order they are views, shuffled and as JSON they are made as they are read.
 */
const held = {
  'natural page of 256': `${SPLIT}&batch_size=256`,
  'natural page of 4096': `${SPLIT}&batch_size=4096`,
  'shuffled page of 256': `${SPLIT}&batch_size=256&seed=1`,
  'shuffled page of 4096': `${SPLIT}&batch_size=4096&seed=1`,
  'JSON page of 4096': `${SPLIT.replace('safetensors', 'json')}&batch_size=4096`
}

export async function slowReaders ({ ours, rounds, seconds }) {
  const rows = []
  for (const [title, path] of Object.entries(held)) {
    const results = []
    for (let round = 0; round < rounds; round++) results.push(await measure(ours, path, seconds))
    const row = (what, unit, name, most) => ({ title: `${READERS} slow readers, ${title}: ${what}`, unit, ours: results.map(result => result[name]), most })
    rows.push(
      row('RSS grows by', 'MiB', 'grown', 64),
      row('sockets\' buffers', 'MiB', 'buffers'),
      row('p99 of others, during beside before', 'ratio', 'ratio', 2)
    )
    console.error(`${title}: p99 ${median(results.map(({ before }) => before)).toFixed(1)} ms before, ${median(results.map(({ during }) => during)).toFixed(1)} ms during`)
  }
  return rows
}

async function measure (ours, path, seconds) {
  const others = { base: ours.base, path: OTHERS, pages: 16 }
  const before = (await load(others, { seconds }))['p99 ms']
  const rss = residentMiB(ours.pid)
  const buffers = socketMiB()
  const { hostname, port } = new URL(ours.base)
  const readers = spawn('python3', [program, hostname, port, path, String(READERS), String(seconds + 2)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(readers, 'exit')
  await Promise.race([once(createInterface(readers.stdout), 'line'), exit.then(() => { throw new Error('slow readers could not begin') })])
  await delay(500)
  const held = { grown: residentMiB(ours.pid) - rss, buffers: socketMiB() - buffers }
  const during = (await load(others, { seconds }))['p99 ms']
  held.grown = Math.max(held.grown, residentMiB(ours.pid) - rss)
  await exit
  return { ...held, before, during, ratio: during / before }
}

/** Memory of all TCP sockets of this machine, which is no process's own: /proc/net/sockstat counts pages of 4 KiB. */
function socketMiB () {
  return Math.round(Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))[1]) / 256)
}
