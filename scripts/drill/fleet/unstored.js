/** Requests whose responses the cache does not store: nobody waits for another client, and nothing is left of them. */
import { Agent, request } from 'node:http'
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { check } from '../../lib/checks.js'
import { cpuSeconds } from '../../lib/server.js'

const CLIENTS = 100
const ROUNDS = 3
const MAX_SECONDS = 0.5
/** nginx looks every half a second whether what a client waits for has been stored. */
const MAX_STORED_SECONDS = 1
/** Clients that leave, or that read nothing, and what they may cost. */
const [GONE, MAX_CPU_SECONDS] = [60, 15]
const [SLOW, MAX_TEMPORARY_MIB] = [60, 1]
const WAIT_MS = 30_000

/**
 * A crowd that asks for the same URL at once.
 *
 * @param replica the address of a replica, for comparison: a busy machine is slow without a cache, too
 */
export async function checkCrowds (base, version, replica) {
  const dataset = '/v1/datasets/mnist'
  const pinned = `version=${version}`
  const bearer = { authorization: 'Bearer made-up' }
  const crowds = [
    ['a description', `${dataset}`, {}, 200, MAX_SECONDS],
    ['a description with a version', `${dataset}?${pinned}`, {}, 200, MAX_SECONDS],
    ['/readyz', '/readyz', {}, 200, MAX_SECONDS],
    ['a page with a key', `${dataset}/splits/val/batches?batch_size=1&${pinned}`, bearer, 200, MAX_SECONDS],
    ['another version', `${dataset}/splits/val/batches?version=0123456789abcdef`, {}, 404, MAX_STORED_SECONDS]
  ]
  for (const [name, path, headers, status, maxSeconds] of crowds) {
    const direct = await measureCrowd(`${replica}${path}`, headers)
    const cached = await measureCrowd(`${base}${path}`, headers)
    const isExpected = cached.statuses.every(found => found === status)
    check(`a crowd does not wait in line: ${name}`, isExpected && cached.p99 <= Math.max(maxSeconds, 2 * direct.p99),
      `p99 ${cached.p99.toFixed(2)} s of ${CLIENTS} clients, ${direct.p99.toFixed(2)} s without the cache`)
  }
}

async function measureCrowd (url, headers) {
  const responses = []
  for (let round = 0; round < ROUNDS; round++) responses.push(...await askAtOnce(url, headers))
  const seconds = responses.map(response => response.seconds).sort((a, b) => a - b)
  return { statuses: responses.map(({ status }) => status), p99: seconds[Math.ceil(seconds.length * 0.99) - 1] }
}

/** Expensive requests whose clients leave at once, and one for a page that the cache stores all the same. */
export async function checkAbandoned (base, version, replicas, readMetric) {
  const split = `${base}/v1/datasets/mnist/splits/train`
  const headers = { 'accept-encoding': 'br' }
  const countWork = async () => {
    return await readMetric('batch_server_work_running') + await readMetric('batch_server_work_queued')
  }
  const isIdle = async () => await countWork() === 0
  const cpu = () => replicas.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
  const before = cpu()
  const requests = Array.from({ length: GONE }, (_, i) => {
    return open(`${split}/batches?batch_size=4096&augment=elastic:34&seed=${7000 + i}`, headers)
  })
  await until(async () => await countWork() > GONE / 2)
  requests.forEach(request => request.destroy())
  const isDone = await until(isIdle)
  const seconds = cpu() - before
  check('requests that clients abandon are cancelled', isDone && !(seconds > MAX_CPU_SECONDS),
    `${seconds.toFixed(1)} s of CPU for ${GONE}`)
  const url = `${split}/batches?batch_size=1024&augment=elastic:34&seed=7100&version=${version}`
  const abandoned = open(url, headers)
  await until(async () => !await isIdle())
  abandoned.destroy()
  await until(isIdle)
  const again = await fetch(url, { headers })
  await again.arrayBuffer()
  check('what the cache stores is finished for a client that leaves', again.headers.get('x-cache') === 'HIT')
}

/** Clients that request large pages and read nothing. */
export async function checkSlowReaders (base, cachePid, readMetric) {
  const requests = Array.from({ length: SLOW }, (_, i) => {
    const request = open(`${base}/v1/datasets/mnist/splits/train/batches?batch_size=4096&format=npz&seed=${8000 + i}`)
    return request.on('response', response => response.pause())
  })
  await until(async () => await readMetric('http_bodies_in_flight') === SLOW)
  let most = 0
  for (let sample = 0; sample < 8; sample++) {
    most = Math.max(most, temporaryMiB(cachePid))
    await delay(250)
  }
  requests.forEach(request => request.destroy())
  check('slow readers fill no disk', !(most > MAX_TEMPORARY_MIB), `${most} MiB in temporary files for ${SLOW}`)
  await until(async () => await readMetric('http_bodies_in_flight') === 0)
}

/** Sends the same request from all clients, each with a connection of its own. */
async function askAtOnce (url, headers) {
  const agent = new Agent({ maxSockets: Infinity })
  const started = performance.now()
  return await Promise.all(Array.from({ length: CLIENTS }, () => new Promise((resolve, reject) => {
    request(url, { agent, headers }, response => {
      response.on('end', () => resolve({ status: response.statusCode, seconds: (performance.now() - started) / 1000 }))
        .on('error', reject).resume()
    }).on('error', reject).end()
  })))
}

/** A request on a connection of its own, whose errors do not matter. */
function open (url, headers = {}) {
  const opened = request(url, { agent: false, headers })
  opened.on('error', () => {}).end()
  return opened
}

/** @returns whether the condition was true in time */
async function until (condition) {
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await delay(50)) {
    if (await condition()) return true
  }
  return false
}

/** Open files of nginx's workers that have been deleted, as its temporary files are; NaN where there is no /proc. */
function temporaryMiB (pid) {
  if (!existsSync('/proc')) return NaN
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  const sizes = workers.flatMap(worker => readdirSync(`/proc/${worker}/fd`).map(descriptor => {
    const path = `/proc/${worker}/fd/${descriptor}`
    try {
      return readlinkSync(path).endsWith(' (deleted)') ? statSync(path).size : 0
    } catch {
      return 0
    }
  }))
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20)
}
