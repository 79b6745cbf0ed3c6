/**
 * Measures what docs/scale.md calculates with: CPU time and bytes of a cold page, and the requests of clients that
 * reach replicas behind nginx. These may differ by at most 10 % from one for each page of a shared seed, and from one
 * for each client and page of distinct seeds. Skipped without nginx.
 *
 *     npm run drill -- scale
 */
import { countBatches } from './fleet/collapsing.js'
import { check, requirePrograms } from '../lib/checks.js'
import { fetchBytes } from '../lib/fetch.js'
import { temporaryFolder } from '../lib/files.js'
import { startCache } from '../lib/nginx-cache.js'
import { cpuSeconds, freePort, startQuietService } from '../lib/server.js'

const [BATCH_SIZE, PAGES, EPOCHS] = [512, 94, 2]
/** The bytes of a pixel as u8, which clients normalize themselves. */
const QUERY = `batch_size=${BATCH_SIZE}&normalization=raw&dtype=uint8&labels=index&format=safetensors`
const MEASURED_EPOCHS = 6
const TOLERANCE = 0.1

requirePrograms('nginx')
const dataFolder = temporaryFolder('scale')
const metricsPorts = [await freePort(), await freePort()]
const replicas = []
let seed = 1_000_000
let cache
try {
  for (const port of metricsPorts) {
    replicas.push(await startQuietService({ dataFolder, settings: { METRICS_PORT: String(port) } }))
  }
  cache = await startCache(replicas.map(({ base }) => new URL(base).port))
  const { version } = JSON.parse(await fetchBytes(`${cache.base}/v1/datasets/mnist`))
  await measurePage(replicas[0], version)
  for (const [clients, isShared] of [[1, true], [4, true], [16, true], [4, false]]) {
    await countRequests(clients, isShared, version)
  }
} finally {
  await cache?.stop()
  await Promise.all(replicas.map(replica => replica.stop()))
}

async function measurePage ({ base, pid }, version) {
  await readEpoch(base, version, seed++)
  const before = cpuSeconds(pid)
  let bytes
  for (let i = 0; i < MEASURED_EPOCHS; i++) bytes = await readEpoch(base, version, seed++)
  const ms = 1000 * (cpuSeconds(pid) - before) / (MEASURED_EPOCHS * PAGES)
  console.log(`         ${ms.toFixed(2)} ms of CPU and ${bytes} bytes for a cold page of ${BATCH_SIZE} samples as u8`)
}

async function countRequests (clients, isShared, version) {
  const before = await originRequests()
  const first = seed
  seed += EPOCHS * clients
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      await readEpoch(cache.base, version, first + epoch * clients + (isShared ? 0 : client))
    }
  }))
  const found = await originRequests() - before
  const expected = EPOCHS * PAGES * (isShared ? 1 : clients)
  check(`${clients} clients, ${isShared ? 'shared' : 'distinct'} seeds`, Math.abs(found / expected - 1) <= TOLERANCE,
    `${found} requests reach the replicas, expected ${expected}`)
}

/** @returns the bytes of the first page */
async function readEpoch (base, version, seed) {
  const url = `${base}/v1/datasets/mnist/splits/train/batches?${QUERY}&version=${version}&seed=${seed}`
  const { length } = await fetchBytes(`${url}&page=0`)
  for (let page = 1; page < PAGES; page++) await fetchBytes(`${url}&page=${page}`)
  return length
}

async function originRequests () {
  const counts = await Promise.all(metricsPorts.map(async port => {
    return countBatches(String(await fetchBytes(`http://127.0.0.1:${port}/metrics`)))
  }))
  return counts.reduce((sum, count) => sum + count, 0)
}
