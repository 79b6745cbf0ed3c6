/** What 500 slow readers cost: memory of ours, and the latency of everybody else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { load } from './load.js'
import { startNginx } from './nginx.js'
import { hasProgram } from './peers.js'
import { inTurns, median } from './rounds.js'
import { residentMiB } from './server.js'

const program = fileURLToPath(new URL('slow_readers.py', import.meta.url))
const READERS = 500
const SPLIT = '/v1/datasets/mnist/splits/train/batches?format=safetensors'
const PAGES = 16
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

/** What nginx has as files, too. Large pages fill the buffers of all sockets together, which slows everybody down: those who ask nginx as well. */
const besideNginx = ['natural page of 256', 'natural page of 4096']

export async function slowReaders ({ ours, rounds, seconds }) {
  const nginx = hasProgram('nginx', 'nginx-light') && await startNginx(await files(ours.base))
  try {
    const rows = []
    for (const [title, path] of Object.entries(held)) {
      const contenders = { ours: { ...ours, path, others: { base: ours.base, path: OTHERS, pages: PAGES } } }
      if (nginx && besideNginx.includes(title)) contenders.nginx = { ...nginx, path: `/${fileOf(title)}`, others: { base: nginx.base, path: '/others-{}', pages: PAGES } }
      const results = await inTurns(contenders, rounds, target => measure(target, seconds))
      const row = (what, unit, name, most) => ({ title: `${READERS} slow readers, ${title}: ${what}`, unit, ours: results.ours.map(result => result[name]), most })
      const beside = name => results.nginx && { peer: 'nginx', theirs: results.nginx.map(result => result[name]) }
      rows.push(
        row('RSS grows by', 'MiB', 'grown', 64),
        row('sockets\' buffers', 'MiB', 'buffers'),
        { ...row('p99 of others, during beside before', 'ratio', 'ratio', 2), ...beside('ratio') },
        { ...row('others meanwhile', 'requests/s', 'rate'), ...beside('rate') }
      )
      console.error(`${title}: p99 ${median(results.ours.map(({ before }) => before)).toFixed(1)} ms before, ${median(results.ours.map(({ during }) => during)).toFixed(1)} ms during`)
    }
    return rows
  } finally {
    if (nginx) await nginx.stop()
  }
}

async function files (base) {
  const paths = Object.fromEntries(besideNginx.map(title => [fileOf(title), held[title]]))
  for (let page = 0; page < PAGES; page++) paths[`others-${page}`] = OTHERS.replace('{}', page)
  return Object.fromEntries(await Promise.all(Object.entries(paths).map(async ([name, path]) => {
    return [name, Buffer.from(await (await fetch(base + path)).arrayBuffer())]
  })))
}

function fileOf (title) {
  return title.replaceAll(' ', '-')
}

/** @param target.path what readers hold; target.others what others ask for meanwhile; target.pid the process whose memory counts */
async function measure ({ base, pid, path, others }, seconds) {
  const before = (await load(others, { seconds }))['p99 ms']
  const rss = residentMiB(pid)
  const buffers = socketMiB()
  const { hostname, port } = new URL(base)
  const readers = spawn('python3', [program, hostname, port, path, String(READERS), String(seconds + 2)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(readers, 'exit')
  await Promise.race([once(createInterface(readers.stdout), 'line'), exit.then(() => { throw new Error('slow readers could not begin') })])
  await delay(500)
  const held = { grown: residentMiB(pid) - rss, buffers: socketMiB() - buffers }
  const { 'p99 ms': during, 'requests/s': rate } = await load(others, { seconds })
  held.grown = Math.max(held.grown, residentMiB(pid) - rss)
  await exit
  return { ...held, before, during, ratio: during / before, rate }
}

/** Memory of all TCP sockets of this machine, which is no process's own: /proc/net/sockstat counts pages of 4 KiB. */
function socketMiB () {
  return Math.round(Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))[1]) / 256)
}
