/** Bytes of an epoch on the wire, for each format, dtype and content coding, and the time that a page takes. */
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { startQuietService } from '../scripts/lib/server.js'
import { withServers } from './alternatives.js'

const BATCHES = '/v1/datasets/mnist/splits/train/batches?batch_size=128&labels=index'
const compressed = ['identity', 'gzip', 'br', 'zstd']
const representations = [
  ['float32', 'format=safetensors', ['identity']],
  ['`dtype=float16`', 'format=safetensors&dtype=float16', ['identity']],
  ['`normalization=raw`', 'format=safetensors&normalization=raw', compressed],
  ['JSON', 'format=json', compressed],
  ['JSON, `normalization=raw`', 'format=json&normalization=raw', compressed]
]

/** The bytes are the same in every round, so there is only one. */
export async function bytesOfEpoch () {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return await withServers(async use => {
    const { base } = await use(startQuietService())
    const rows = []
    for (const [name, query, codings] of representations) {
      for (const coding of codings) {
        const epoch = await fetchEpoch(`${base}${BATCHES}&${query}`, coding, agent)
        if (!epoch) {
          console.error(`${name}: Node.js ${process.version} has no ${coding}`)
          continue
        }
        const title = coding === 'identity' ? name : `${name}, ${coding}`
        const float32 = rows[0]?.ours ?? [epoch.megabytes]
        rows.push({ title, unit: 'MB', ours: [epoch.megabytes], alternative: 'float32', theirs: float32 })
        rows.push({ title: `${title}, per page`, unit: 'ms', ours: epoch.times })
      }
    }
    return rows
  }).finally(() => agent.destroy())
}

/** Megabytes of all pages and the time of each, or undefined if the server does not support the coding. */
async function fetchEpoch (url, coding, agent) {
  const times = []
  let bytes = 0
  for (let page = 0, pages = 1; page < pages; page++) {
    const started = performance.now()
    const options = { agent, headers: { 'accept-encoding': coding } }
    const [response] = await once(get(`${url}&page=${page}`, options), 'response')
    for await (const chunk of response) bytes += chunk.length
    const { statusCode, headers } = response
    if (statusCode !== 200) throw new Error(`${url} responds with ${statusCode}`)
    if ((headers['content-encoding'] ?? 'identity') !== coding) return undefined
    times.push(performance.now() - started)
    pages = Number(headers['batch-pages'])
  }
  return { megabytes: bytes / 1e6, times }
}
