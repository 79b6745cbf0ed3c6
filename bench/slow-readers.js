/** The cost of 500 slow readers: memory of the service, and latency of other clients. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fetchBytes } from '../scripts/lib/fetch.js'
import { residentMiB, startQuietService } from '../scripts/lib/server.js'
import { hasProgram, programPath, startNginx, withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

const READERS = 500
const MAX_RSS_MIB = 64
const MAX_RATIO = 2
const TENSORS = '/v1/datasets/mnist/splits/train/batches?format=safetensors'
/** The URLs of the other clients are repeated. */
const OTHERS = `${TENSORS}&batch_size=256&page={page}`
const PAGES = 16

/**
 * What each reader reads. Pages of 4096 do not fit into the buffers of a socket: natural ones are views of the stored
 * tensors, shuffled ones and JSON are encoded as they are read. nginx has the natural ones as files: large pages fill
 * the system's socket buffers, which slows down clients of nginx as well.
 */
const kinds = {
  'natural page of 256': { path: `${TENSORS}&batch_size=256`, file: 'natural-256' },
  'natural page of 4096': { path: `${TENSORS}&batch_size=4096`, file: 'natural-4096' },
  'shuffled page of 256': { path: `${TENSORS}&batch_size=256&seed=1` },
  'shuffled page of 4096': { path: `${TENSORS}&batch_size=4096&seed=1` },
  'JSON page of 4096': { path: '/v1/datasets/mnist/splits/train/batches?format=json&batch_size=4096' }
}

export async function slowReaders ({ rounds, seconds }) {
  return await withServers(async use => {
    const service = await use(startQuietService())
    const nginx = hasProgram('nginx', 'nginx-light') &&
      await use(startNginx(await fetchFiles(service.base), { openFileCache: true }))
    const rows = []
    for (const [title, { path, file }] of Object.entries(kinds)) {
      const contenders = { ours: { ...service, path, others: { base: service.base, path: OTHERS, pages: PAGES } } }
      if (nginx && file) {
        contenders.nginx = { ...nginx, path: `/${file}`, others: { base: nginx.base, path: '/{page}', pages: PAGES } }
      }
      rows.push(...toRows(title, await alternate(contenders, rounds, target => measure(target, seconds))))
    }
    return rows
  })
}

function toRows (title, { ours, nginx }) {
  const row = (what, unit, name, max) => {
    return { title: `${READERS} slow readers, ${title}: ${what}`, unit, ours: ours.map(result => result[name]), max }
  }
  const withNginx = (row, name) => {
    return nginx ? { ...row, alternative: 'nginx', theirs: nginx.map(result => result[name]) } : row
  }
  return [
    row('growth of RSS', 'MiB', 'grown', MAX_RSS_MIB),
    row('socket buffers', 'MiB', 'buffers'),
    row('p99 of others before', 'ms', 'before'),
    row('p99 of others meanwhile', 'ms', 'during'),
    withNginx(row('p99 of others, meanwhile / before', 'ratio', 'ratio', MAX_RATIO), 'ratio'),
    withNginx(row('others meanwhile', 'pages/s', 'rate'), 'rate')
  ]
}

/** File name → body. */
async function fetchFiles (base) {
  const paths = Object.values(kinds).filter(({ file }) => file).map(({ path, file }) => [file, path])
  for (let page = 0; page < PAGES; page++) paths.push([page, OTHERS.replace('{page}', page)])
  return Object.fromEntries(await Promise.all(paths.map(async ([name, path]) => [name, await fetchBytes(base + path)])))
}

/**
 * @param target.path what the readers read
 * @param target.others what other clients load at the same time
 * @param target.pid the process whose memory is measured
 */
async function measure ({ base, pid, path, others }, seconds) {
  const before = (await load(others, { seconds }))['p99 ms']
  const rss = residentMiB(pid)
  const buffers = socketMiB()
  const { hostname, port } = new URL(base)
  const parameters = [programPath('slow_readers.py'), hostname, port, path, String(READERS), String(seconds + 2)]
  const readers = spawn('python3', parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(readers, 'exit')
  await Promise.race([
    once(createInterface(readers.stdout), 'line'),
    exit.then(() => { throw new Error('the slow readers could not start') })
  ])
  await delay(500)
  const grown = residentMiB(pid) - rss
  const filled = socketMiB() - buffers
  const { 'p99 ms': during, 'requests/s': rate } = await load(others, { seconds })
  const grownAtEnd = residentMiB(pid) - rss
  await exit
  return { grown: Math.max(grown, grownAtEnd), buffers: filled, before, during, ratio: during / before, rate }
}

/** Memory of all TCP sockets of the machine, which counts for no process; /proc/net/sockstat has pages of 4 KiB. */
function socketMiB () {
  return Math.round(Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))[1]) / 256)
}
