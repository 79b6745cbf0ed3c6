/**
 * Tests replicas behind the cache of the fleet, with real processes and nginx, but without containers: canonical keys,
 * the requests that reach the replicas, and a drill in which replicas and the cache fail under load.
 *
 *     npm run test:fleet
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startCache } from './lib/nginx-cache.js'
import { freePort, startQuietService } from './lib/server.js'

/** Pages of an epoch of batches of 512. */
const PAGES = 94
const CLIENTS = 20
/** Attempts of a client, as those of clients/ make them. */
const ATTEMPTS = 5

let [passed, failed] = [0, 0]
const dataFolder = mkdtempSync(join(tmpdir(), 'fleet-'))
const metricsPorts = [await freePort(), await freePort(), await freePort()]
const start = i => startQuietService({ dataFolder, settings: { METRICS_PORT: String(metricsPorts[i]) } })
const replicas = [await start(0), await start(1), await start(2)]
let [cache, split] = []
try {
  cache = await startCache(replicas.map(({ base }) => new URL(base).port))
  split = `${cache.base}/v1/datasets/mnist/splits/train`
  const { version } = await (await fetch(`${cache.base}/v1/datasets/mnist`)).json()
  await testKeys(version)
  await testCollapsing(version)
  await testDrill(version)
} finally {
  await cache?.stop()
  await Promise.all(replicas.map(replica => replica.stop()))
  rmSync(dataFolder, { recursive: true })
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed > 0 ? 1 : 0

function check (name, holds, detail = '') {
  holds ? passed++ : failed++
  console.log(`${holds ? 'passed  ' : 'FAILED  '} ${name}${detail && `: ${detail}`}`)
}

async function get (url, headers = {}) {
  const response = await fetch(url, { headers })
  const body = Buffer.from(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, cached: response.headers.get('x-cache'), body }
}

async function testKeys (version) {
  const url = `${split}/batches?batch_size=64&version=${version}`
  const variants = [
    ['gzip', { 'accept-encoding': 'gzip' }, 'MISS', 'gzip'],
    ['gzip among others', { 'accept-encoding': 'deflate, gzip' }, 'HIT', 'gzip'],
    ['br', { 'accept-encoding': 'gzip, deflate, br' }, 'MISS', 'br'],
    ['br again', { 'accept-encoding': 'br' }, 'HIT', 'br'],
    ['none', { 'accept-encoding': 'identity' }, 'MISS', null],
    ['weights', { 'accept-encoding': 'gzip;q=0, identity' }, 'MISS', null],
    ['another format', { accept: 'application/vnd.apache.arrow.stream', 'accept-encoding': 'identity' }, 'MISS', null]
  ]
  for (const [name, headers, expected, coding] of variants) {
    const { status, cached, headers: received } = await get(url, headers)
    check(`key: ${name}`, status === 200 && cached === expected && received.get('content-encoding') === coding, cached)
  }
  const byFormat = `${url}&format=npz`
  await get(byFormat, { accept: '*/*' })
  check('key: format instead of Accept', (await get(byFormat, { accept: 'application/json' })).cached === 'HIT')
  const { headers } = await get(byFormat)
  const unchanged = await fetch(byFormat, { headers: { 'if-none-match': headers.get('etag') } })
  const isHit = unchanged.headers.get('x-cache') === 'HIT'
  check('the cache answers conditional requests', unchanged.status === 304 && isHit)
  const unpinned = `${split}/batches?batch_size=64`
  await get(unpinned)
  check('unpinned requests are not stored', (await get(unpinned)).cached !== 'HIT')
  const missing = await get(`${split}/batches?page=9999&version=${version}`)
  check('errors are passed on and not stored', missing.status === 404 && missing.cached === 'MISS')
}

/** Requests for batches that the replicas have responded to. */
async function originRequests () {
  const counts = await Promise.all(metricsPorts.map(async port => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const lines = text.matchAll(/^http_request_duration_seconds_count\{.*\/batches",.*\} (\d+)$/gm)
    return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
  }))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function testCollapsing (version) {
  const perClients = {}
  for (const clients of [1, CLIENTS]) {
    const before = await originRequests()
    await Promise.all(Array.from({ length: clients }, async () => {
      for (let page = 0; page < PAGES; page++) {
        await get(`${split}/batches?batch_size=512&seed=${clients}&format=safetensors&page=${page}&version=${version}`)
      }
    }))
    perClients[clients] = await originRequests() - before
  }
  const [one, many] = Object.values(perClients)
  check(`an epoch of ${CLIENTS} clients reaches the replicas as often as one of 1`,
    Math.abs(many / one - 1) <= 0.1, `${one} and ${many} requests for ${PAGES} pages`)
}

/** Epochs of many clients, of different seeds, while replicas and the cache fail. */
async function testDrill (version) {
  const hashes = new Map()
  let [responses, retries, wrong, lost] = [0, 0, 0, 0]
  const end = new AbortController()
  const client = async id => {
    for (let page = 0; !end.signal.aborted; page = (page + 1) % PAGES) {
      const seed = id % 4
      const path = `batches?batch_size=512&seed=${seed}&epoch=9&format=npz&page=${page}&version=${version}`
      const body = await fetchRetrying(`${split}/${path}`)
      if (!body) continue
      const hash = createHash('sha256').update(body).digest('hex')
      if ((hashes.get(path) ?? hash) !== hash) wrong++
      hashes.set(path, hash)
    }
  }
  const fetchRetrying = async url => {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const { status, body } = await get(url)
        if (status === 200) {
          responses++
          return body
        }
      } catch {}
      retries++
      await delay(100 * 2 ** attempt)
    }
    lost++
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, id) => client(id)))
  await delay(1500)
  replicas[0].child.kill('SIGKILL')
  await delay(1500)
  replicas[1].child.kill('SIGTERM')
  await delay(1500)
  await cache.restart()
  await delay(1500)
  end.abort()
  await clients
  check('drill: no wrong bytes', wrong === 0, `${responses} responses, ${hashes.size} different ones`)
  check('drill: no request is lost', lost === 0, `${retries} retries`)
}
