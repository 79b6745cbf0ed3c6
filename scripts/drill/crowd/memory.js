/** Crowds that read expensive pages, all of them at once. */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import * as zlib from 'node:zlib'
import { Agent } from 'undici'
import { quantile } from '../../lib/statistics.js'
import { batches, get } from './client.js'

const decoders = {
  br: zlib.createBrotliDecompress,
  gzip: zlib.createGunzip,
  // Since Node.js 22.15.
  zstd: zlib.createZstdDecompress
}

const AUGMENTED = '&format=safetensors&augment=rotate:15,noise:10'

/** Clients, samples of a page, and the coding that they accept. Each requests `pages` pages that nobody else does. */
const crowds = [
  ...['br', 'gzip', 'zstd'].flatMap(coding => [20, 200, 500].map(clients => {
    return { clients, batchSize: 128, coding, pages: Math.ceil(600 / clients) }
  })),
  ...['br', 'gzip', 'zstd'].map(coding => ({ clients: 100, batchSize: 4096, coding, pages: 1 })),
  { clients: 200, batchSize: 256, coding: 'identity', pages: 10, query: AUGMENTED },
  { clients: 100, batchSize: 4096, coding: 'identity', pages: 2, query: AUGMENTED }
]

export const crowdsOfReaders = crowds.map(crowd => ({
  topic: crowd.query ? 'augmentation' : 'memory',
  name: `${crowd.clients} clients read ` +
    (crowd.query ? `augmented pages of ${crowd.batchSize}` : `JSON pages of ${crowd.batchSize} as ${crowd.coding}`),
  skip: crowd.coding !== 'identity' && !decoders[crowd.coding] && 'requires Node.js 22.15',
  run: server => readTogether(server, crowd)
}))

async function readTogether ({ base }, { clients, batchSize, coding, pages, query = '' }) {
  const url = (client, page) => `${base}${batches}?batch_size=${batchSize}&seed=${client}&page=${page}${query}`
  const dispatcher = new Agent({ connections: clients })
  const digests = new Map()
  const latencies = []
  let waits = 0

  async function client (number) {
    for (let page = 0; page < pages; page++) {
      const started = performance.now()
      for (;;) {
        const response = await digestOf(url(number, page), coding, dispatcher)
        if (response.status === 503 && response.headers['retry-after'] !== undefined) {
          waits++
          await delay(1000 * Number(response.headers['retry-after']) * (0.5 + Math.random()))
          continue
        }
        if (response.status !== 200) throw new Error(`${response.status} for ${url(number, page)}`)
        if ((response.headers['content-encoding'] ?? 'identity') !== coding) throw new Error(`not encoded as ${coding}`)
        digests.set(url(number, page), response.digest)
        break
      }
      latencies.push(performance.now() - started)
    }
  }

  const started = performance.now()
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
  const seconds = (performance.now() - started) / 1000

  // One request after the other and not compressed, which the other tests recompute.
  for (const [url, digest] of digests) {
    if ((await digestOf(url, 'identity', dispatcher)).digest !== digest) throw new Error(`wrong bytes: ${url}`)
  }
  await dispatcher.close()
  const [p50, worst] = [0.5, 1].map(share => (quantile(latencies, share) / 1000).toFixed(1))
  return `${digests.size} pages in ${seconds.toFixed(0)} s, p50 ${p50} s, slowest ${worst} s, ${waits} times 503`
}

async function digestOf (url, coding, dispatcher) {
  const hash = createHash('sha256')
  if (coding === 'identity') {
    const response = await get(url, { headers: { 'accept-encoding': coding }, dispatcher, onData: c => hash.update(c) })
    return { ...response, digest: hash.digest('hex') }
  }
  const decoder = decoders[coding]()
  const decoded = new Promise((resolve, reject) => {
    decoder.on('data', chunk => hash.update(chunk)).once('end', resolve).once('error', reject)
  })
  const encoded = []
  const response = await get(url, {
    headers: { 'accept-encoding': coding },
    dispatcher,
    onData: chunk => encoded.push(chunk)
  })
  if (response.status !== 200) return response
  for (const chunk of encoded) decoder.write(chunk)
  decoder.end()
  await decoded
  return { ...response, digest: hash.digest('hex') }
}
