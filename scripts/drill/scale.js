/**
 * Simulates 1 to 10,000 clients that train through caches of several sizes, with service times that are measured first,
 * and writes the table and the plot of docs/scale.md. Then it runs a few clients against real replicas and nginx, and
 * fails if the requests that reach the replicas differ from the model by more than 10 %. Skipped without nginx.
 *
 *     npm run drill -- scale
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lineChart } from '../lib/line-chart.js'
import { startCache } from '../lib/nginx-cache.js'
import { requirePrograms } from '../lib/programs.js'
import { cpuSeconds, freePort, startQuietService } from '../lib/server.js'
import { costOf, simulate } from './simulation/model.js'

const docs = new URL('../../docs/', import.meta.url)
/** Epochs of each client, within an hour. */
const [EPOCHS, HOURS] = [10, 1]
const [BATCH_SIZE, SAMPLES] = [512, 48_000]
const PAGES = Math.ceil(SAMPLES / BATCH_SIZE)
/** The bytes of a pixel as u8, which clients normalize themselves. */
const QUERY = `batch_size=${BATCH_SIZE}&normalization=raw&dtype=uint8&labels=index&format=safetensors`
const CLIENTS = [1, 10, 100, 1000, 10_000]
const CACHES = [['none', 0], ['2 MiB', 2 ** 21], ['8 GiB', 2 ** 33]]
/** Typical list prices of cloud providers, in dollars; replace them by your own. */
const PRICES = { coreHour: 0.04, sentGB: 0.08, storedGBMonth: 0.1 }
/** Pages that a client of a shared seed is behind the one before it; crowds are at the same page. */
const staggerOf = clients => clients <= 100 ? 8 : 0
const TOLERANCE = 0.1

requirePrograms('The model was', 'nginx')
const dataFolder = mkdtempSync(join(tmpdir(), 'simulate-'))
const metricsPorts = [await freePort(), await freePort()]
const replicas = []
let cache
try {
  for (const port of metricsPorts) {
    replicas.push(await startQuietService({ dataFolder, settings: { METRICS_PORT: String(port) } }))
  }
  const measured = await measure(replicas[0])
  const rows = simulateAll(measured)
  writeResults(rows, measured)
  cache = await startCache(replicas.map(({ base }) => new URL(base).port))
  process.exitCode = await validate(measured) ? 0 : 1
} finally {
  await cache?.stop()
  await Promise.all(replicas.map(replica => replica.stop()))
  rmSync(dataFolder, { recursive: true })
}

/** CPU milliseconds of the server for each cold page, and its bytes. */
async function measure ({ base, pid }) {
  const { version } = await (await fetch(`${base}/v1/datasets/mnist`)).json()
  let bytes = 0
  const epoch = async seed => {
    for (let page = 0; page < PAGES; page++) bytes = Math.max(bytes, await download(base, version, seed, page))
  }
  await epoch(1_000_001)
  const before = cpuSeconds(pid)
  for (let seed = 1_000_002; seed < 1_000_008; seed++) await epoch(seed)
  const cpuMs = 1000 * (cpuSeconds(pid) - before) / (6 * PAGES)
  return { version, pageBytes: bytes, cpuMs: Number.isFinite(cpuMs) ? cpuMs : 1 }
}

async function download (base, version, seed, page) {
  const path = `/v1/datasets/mnist/splits/train/batches?${QUERY}&seed=${seed}&page=${page}&version=${version}`
  const response = await fetch(base + path)
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return (await response.arrayBuffer()).byteLength
}

function simulateAll ({ pageBytes, cpuMs }) {
  return [true, false].flatMap(isShared => CACHES.flatMap(([cache, cacheBytes]) => CLIENTS.map(clients => {
    const options = { clients, epochs: EPOCHS, pages: PAGES, pageBytes, isShared, cacheBytes }
    const result = simulate({ ...options, stagger: staggerOf(clients) })
    return {
      clients,
      seeds: isShared ? 'shared' : 'distinct',
      cache,
      ...result,
      ...costOf(result, { pageBytes, cpuMs, hours: HOURS, prices: PRICES })
    }
  })))
}

function writeResults (rows, { pageBytes, cpuMs }) {
  const format = (value, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits })
  const table = [
    ['clients', 'seeds', 'cache', 'requests', 'to replicas', 'hits', 'stored', 'cores', 'sent', 'cost'],
    ['---:', '---', '---', '---:', '---:', '---:', '---:', '---:', '---:', '---:'],
    ...rows.map(row => [
      format(row.clients), row.seeds, row.cache, format(row.requests), format(row.origin),
      `${format(100 * row.hitRatio, 1)} %`, `${format(row.storedBytes / 2 ** 20)} MiB`, format(row.cores, 2),
      `${format(row.sentGB, 1)} GB`, `$${format(row.dollars, 2)}`
    ])
  ].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  const conditions = `Measured: ${format(cpuMs, 2)} ms of CPU and ${format(pageBytes)} bytes for a cold page of ` +
    `${BATCH_SIZE} samples as u8.\n${EPOCHS} epochs of ${PAGES} pages for each client, within ${HOURS} hour.`
  const page = new URL('scale.md', docs)
  const pattern = /(<!-- npm run drill -- scale -->\n)[^]*(<!-- end of npm run drill -- scale -->)/
  const text = readFileSync(page, 'utf8')
  writeFileSync(page, text.replace(pattern, (_, start, end) => `${start}\n${conditions}\n\n${table}\n\n${end}`))
  writeFileSync(new URL('scale.svg', docs), lineChart({
    title: 'Requests that reach the replicas, by clients',
    x: { title: 'clients', ticks: CLIENTS, logarithmic: true, format },
    y: { ticks: [1e2, 1e3, 1e4, 1e5, 1e6, 1e7], logarithmic: true, format },
    lines: ['shared', 'distinct'].flatMap(seeds => CACHES.map(([cache]) => ({
      label: `${seeds} seeds, cache: ${cache}`,
      points: rows.filter(row => row.seeds === seeds && row.cache === cache).map(row => [row.clients, row.origin])
    })))
  }))
  console.log(`${conditions}\n\n${table}`)
}

/** Real clients, replicas and nginx, against the model. */
async function validate ({ version, pageBytes }) {
  let holds = true
  let seed = 2_000_000
  for (const [clients, isShared] of [[1, true], [4, true], [16, true], [4, false]]) {
    const epochs = 2
    const before = await originRequests()
    const first = seed
    seed += 100
    await Promise.all(Array.from({ length: clients }, async (_, client) => {
      for (let epoch = 0; epoch < epochs; epoch++) {
        const own = first + epoch * 50 + (isShared ? 0 : client)
        for (let page = 0; page < PAGES; page++) await download(cache.base, version, own, page)
      }
    }))
    const found = await originRequests() - before
    const options = { clients, epochs, pages: PAGES, pageBytes, isShared, cacheBytes: 2 ** 33 }
    const { origin } = simulate({ ...options, stagger: 0 })
    const isClose = Math.abs(found / origin - 1) <= TOLERANCE
    holds &&= isClose
    const seeds = isShared ? 'shared' : 'distinct'
    console.log(`${isClose ? 'passed  ' : 'FAILED  '} ${clients} clients, ${seeds} seeds: ` +
      `${found} requests reach real replicas, ${origin} those of the model`)
  }
  return holds
}

async function originRequests () {
  const counts = await Promise.all(metricsPorts.map(async port => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const lines = text.matchAll(/^http_request_duration_seconds_count\{.*\/batches",.*\} (\d+)$/gm)
    return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
  }))
  return counts.reduce((sum, count) => sum + count, 0)
}
