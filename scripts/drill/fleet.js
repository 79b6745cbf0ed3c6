/**
 * Tests replicas behind the cache of deploy/, without containers: canonical keys, the requests that reach the replicas,
 * crowds, a failed dataset, what the cache tells whom, and a drill in which replicas and the cache fail under load.
 * Skipped without nginx.
 *
 *     npm run drill -- fleet
 */
import { setTimeout as delay } from 'node:timers/promises'
import { checkCollapsing, countBatches } from './fleet/collapsing.js'
import { checkTotals, startCrowd } from './fleet/crowd.js'
import { checkFailedDataset } from './fleet/failed-dataset.js'
import { checkTrust } from './fleet/trust.js'
import { checkAbandoned, checkCrowds, checkSlowReaders } from './fleet/unstored.js'
import { check, requirePrograms } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'
import { startCache } from '../lib/nginx-cache.js'
import { freePort, startQuietService } from '../lib/server.js'

const CLIENTS = 20

requirePrograms('nginx')
const dataFolder = temporaryFolder('fleet')
const metricsPorts = [await freePort(), await freePort(), await freePort()]
const start = i => startQuietService({
  dataFolder,
  // Fashion-MNIST fails, since it has no source.
  settings: { METRICS_PORT: String(metricsPorts[i]), DATASETS: 'mnist,fashion-mnist', OFFLINE: '1' }
})
const replicas = [await start(0), await start(1), await start(2)]
let [cache, split] = []
try {
  cache = await startCache(replicas.map(({ base }) => new URL(base).port))
  split = `${cache.base}/v1/datasets/mnist/splits/train`
  const { version } = await (await fetch(`${cache.base}/v1/datasets/mnist`)).json()
  await testKeys(version)
  await testStatus()
  await checkCollapsing(cache.base, version, originRequests)
  await checkCrowds(cache.base, version, replicas[0].base)
  await checkAbandoned(cache.base, version, replicas, readMetric)
  await checkSlowReaders(cache.base, cache.pid, readMetric)
  await checkFailedDataset(replicas)
  await checkTrust({ dataFolder })
  await testDrill(version)
} finally {
  await cache?.stop()
  await Promise.all(replicas.map(replica => replica.stop()))
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
    ['br in capitals', { 'accept-encoding': 'gzip, BR' }, 'HIT', 'br'],
    ['x-br is not br', { 'accept-encoding': 'x-br' }, 'MISS', null],
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

/** The cache listens for both families, and its metrics tell whether clients get a 502. */
async function testStatus () {
  const isReachable = async ({ metrics }) => {
    return /^batch_server_cache_replicas_reachable 1$/m.test(await (await fetch(metrics)).text())
  }
  check('the cache listens on IPv6', (await get(`${cache.ipv6Base}/cache-health`)).status === 204)
  const lonely = await startCache([await freePort()])
  try {
    const { status } = await get(`${lonely.base}/v1/datasets/mnist`)
    check('the metrics of the cache tell that it answers 502', status === 502 && await isReachable(cache) &&
      !await isReachable(lonely))
  } finally {
    await lonely.stop()
  }
}

/** Requests for batches that the replicas have responded to. */
function originRequests () {
  return sumOfReplicas(countBatches)
}

/** The sum of a metric without labels. */
function readMetric (name) {
  return sumOfReplicas(text => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1]))
}

async function sumOfReplicas (read) {
  const values = await Promise.all(metricsPorts.map(async port => {
    return read(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
  }))
  return values.reduce((sum, value) => sum + value, 0)
}

/** Epochs of many clients, of different seeds, while replicas and the cache fail. */
async function testDrill (version) {
  const crowd = startCrowd(cache.base, version, { clients: CLIENTS })
  await delay(1500)
  replicas[0].child.kill('SIGKILL')
  await delay(1500)
  replicas[1].child.kill('SIGTERM')
  await delay(1500)
  await cache.restart()
  await delay(1500)
  checkTotals('drill', await crowd.end())
}
