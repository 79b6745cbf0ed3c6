/** Rates and latencies of a few URLs that are requested again and again, so that their memory stays in caches. */
import { fetchBytes } from '../scripts/lib/fetch.js'
import { startQuietService } from '../scripts/lib/server.js'
import { hasModules, hasProgram, startFastapi, startNginx, startProgram, withServers } from './alternatives.js'
import { load } from './load.js'
import { compare } from './report.js'
import { alternate } from './rounds.js'

/** Different pages that take turns; nginx has as many files, so that both sides read the same amount of memory. */
const PAGES = 16
const BATCHES = '/v1/datasets/mnist/splits/train/batches?batch_size=256'
const TENSORS = `${BATCHES}&format=safetensors&page={page}`
const JSON_PAGES = `${BATCHES}&format=json&page={page}`
const CONNECTIONS = [1, 16, 64]

/** The service's path, the alternatives' paths, and the smallest accepted ratios. */
const pages = {
  natural: {
    title: 'repeated URLs, natural float32 pages of 256',
    path: TENSORS,
    bounds: { nginx: 0.9, FastAPI: 5 },
    fastapi: { FastAPI: '/bytes?batch_size=256&page={page}' }
  },
  shuffled: {
    title: 'repeated URLs, shuffled float32 pages of 256',
    path: `${TENSORS}&seed=1&epoch=0`,
    bounds: { nginx: 0.6 }
  },
  raw: {
    title: 'repeated URLs, raw u8 pages of 256',
    path: `${TENSORS}&normalization=raw`,
    bounds: { nginx: 0.8 }
  },
  json: {
    title: 'repeated URLs, JSON pages of 256',
    path: JSON_PAGES,
    bounds: { nginx: 0.4, 'FastAPI, orjson of tolist': 6 },
    fastapi: {
      'FastAPI, orjson of tolist': '/json?batch_size=256&page={page}',
      'FastAPI, orjson of NumPy': '/json-numpy?batch_size=256&page={page}'
    }
  }
}

/** Rates are noisy, so there are more rounds of them. */
const roundsOfRates = rounds => 2 * rounds + 1

/** One row per alternative. */
export async function repeatedUrls (name, { rounds, seconds }) {
  const { title, path, bounds, fastapi: fastapiPaths } = pages[name]
  return await withServers(async use => {
    const service = await use(startQuietService())
    const contenders = { ours: { base: service.base, path, pages: PAGES } }
    if (hasProgram('nginx', 'nginx-light')) {
      const { base } = await use(startNginx(await fetchPages(service.base, path), { openFileCache: true }))
      contenders.nginx = { base, path: '/{page}', pages: PAGES }
    }
    if (fastapiPaths && hasModules('fastapi', 'uvicorn', 'uvloop', 'httptools', 'orjson', 'numpy')) {
      const { base } = await use(startFastapi())
      for (const [title, path] of Object.entries(fastapiPaths)) contenders[title] = { base, path, pages: PAGES }
    }
    const results = await alternate(contenders, roundsOfRates(rounds), target => load(target, { seconds }))
    return compare(title, 'pages/s', results, bounds)
  })
}

/** File name → the body of a page. */
async function fetchPages (base, path) {
  const files = {}
  for (let page = 0; page < PAGES; page++) files[page] = await fetchBytes(base + path.replace('{page}', page))
  return files
}

/** Responses to a matching If-None-Match, beside a route with an empty body. */
export async function notModified ({ rounds, seconds }) {
  return await withServers(async use => {
    const service = await use(startQuietService())
    const bare = await use(startProgram('bare-fastify.js'))
    const path = TENSORS.replace('{page}', '0')
    const { headers } = await fetch(service.base + path, { method: 'HEAD' })
    // Both get the same request, since its length costs time as well.
    const request = { path, headers: { 'If-None-Match': headers.get('etag') } }
    const contenders = {
      ours: { base: service.base, ...request },
      // The least that a request can take here: every hook runs, but the route has nothing to do.
      '/healthz of the service': { ...request, base: service.base, path: '/healthz' },
      'a bare Fastify route': { base: bare.base, ...request }
    }
    const results = await alternate(contenders, roundsOfRates(rounds), target => load(target, { seconds }))
    const rows = compare('repeated URLs, 304 Not Modified', 'responses/s', results, {
      '/healthz of the service': 0.6
    })
    return rows.map(({ 'MB/s': _, 'their MB/s': __, ...row }) => row)
  })
}

/** Latency with 1, 16 and 64 connections. */
export async function latency ({ rounds, seconds }) {
  return await withServers(async use => {
    const { base } = await use(startQuietService())
    const runs = {}
    for (const [name, path] of [['natural float32', TENSORS], ['JSON', JSON_PAGES]]) {
      for (const connections of CONNECTIONS) {
        const clients = connections === 1 ? '1 connection' : `${connections} connections`
        runs[`repeated URLs, ${name} pages of 256, ${clients}`] = { target: { base, path, pages: PAGES }, connections }
      }
    }
    const results = await alternate(runs, rounds, ({ target, connections }) => load(target, { seconds, connections }))
    return Object.entries(results).flatMap(([title, rounds]) => ['p50', 'p99'].map(percentile => {
      return { title: `${title}, ${percentile}`, unit: 'ms', ours: rounds.map(result => result[`${percentile} ms`]) }
    }))
  })
}
