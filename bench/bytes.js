/**
 * Bytes of an epoch on the wire, for each format, dtype and content coding: fetches every page of a split over one
 * connection, and prints a table in Markdown.
 *
 *     npm run bench:bytes [-- split]
 */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { startQuietService } from '../scripts/lib/server.js'
import { median } from './rounds.js'

const split = process.argv[2] ?? 'train'
const BATCH_SIZE = 128

const representations = [
  ['JSON', 'format=json', ['identity', 'gzip', 'br', 'zstd']],
  ['JSON, `normalization=raw`', 'format=json&normalization=raw', ['identity', 'gzip', 'br', 'zstd']],
  ['float32', 'format=safetensors', ['identity']],
  ['`dtype=float16`', 'format=safetensors&dtype=float16', ['identity']],
  ['`normalization=raw`', 'format=safetensors&normalization=raw', ['identity', 'gzip', 'br', 'zstd']]
]

const server = await startQuietService()
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
try {
  const batches = `${server.base}/v1/datasets/mnist/splits/${split}/batches?batch_size=${BATCH_SIZE}&labels=index`
  printTable(await measure(batches))
} finally {
  agent.destroy()
  await server.stop()
}

async function measure (url) {
  const rows = []
  for (const [name, query, codings] of representations) {
    for (const coding of codings) {
      const epoch = await fetchEpoch(`${url}&${query}`, coding)
      if (epoch) rows.push({ name, coding, ...epoch })
      else console.error(`${name}: Node.js ${process.version} has no ${coding}`)
    }
  }
  return rows
}

function printTable (rows) {
  const float32 = rows.find(({ name }) => name === 'float32').bytes
  console.log(`${split}, pages of ${BATCH_SIZE} samples, labels=index, Node.js ${process.version}\n`)
  console.log('| representation | coding | bytes | of float32 | ms per page |\n|---|---|---:|---:|---:|')
  for (const { name, coding, bytes, ms } of rows) {
    const share = `${(100 * bytes / float32).toFixed(1)} %`
    console.log(`| ${name} | ${coding} | ${bytes.toLocaleString('en')} | ${share} | ${ms.toFixed(1)} |`)
  }
}

/** Bytes of all pages and the median time of one, or undefined if the server does not support the coding. */
async function fetchEpoch (url, coding) {
  const times = []
  let bytes = 0
  for (let page = 0, pages = 1; page < pages; page++) {
    const started = performance.now()
    const { headers, length } = await fetchPage(`${url}&page=${page}`, coding)
    if ((headers['content-encoding'] ?? 'identity') !== coding) return undefined
    times.push(performance.now() - started)
    bytes += length
    pages = Number(headers['batch-pages'])
  }
  return { bytes, ms: median(times) }
}

async function fetchPage (url, coding) {
  const [response] = await once(get(url, { agent, headers: { 'accept-encoding': coding } }), 'response')
  let length = 0
  for await (const chunk of response) length += chunk.length
  if (response.statusCode !== 200) throw new Error(`${url} responds with ${response.statusCode}`)
  return { headers: response.headers, length }
}
