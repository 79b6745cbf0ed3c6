/** Crowds in which every client has a seed of its own: more orders than the cache holds. */
import { Agent } from 'undici'
import { batches, get } from './client.js'

const SAMPLES = 48_000
const PIXELS = 784
const BATCH_SIZE = 64
const PAGES = SAMPLES / BATCH_SIZE
const SECONDS = 4
const ROUNDS = 3
const CLIENTS = [16, 17, 64, 256]
const MIN_SHARE = 0.8

export const crowdOfSeeds = {
  name: `${CLIENTS.join(', ')} clients, each with a seed of its own`,
  async run ({ base }) {
    const images = await fetchImages(base)
    const orders = Array.from({ length: Math.max(...CLIENTS) }, (_, client) => orderOf(client))
    const rates = Object.fromEntries(CLIENTS.map(clients => [clients, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const clients of CLIENTS) rates[clients].push(await readTogether(base, clients, orders, images, round))
    }
    const medians = CLIENTS.map(clients => rates[clients].sort((a, b) => a - b)[(ROUNDS - 1) / 2])
    const share = medians.at(-1) / medians[0]
    const detail = `${medians.map(rate => rate.toFixed(0)).join(', ')} pages/s (${share.toFixed(2)} of the first)`
    if (share < MIN_SHARE) throw new Error(detail)
    return detail
  }
}

async function readTogether (base, clients, orders, images, round) {
  const dispatcher = new Agent({ connections: clients, pipelining: 1 })
  const end = performance.now() + SECONDS * 1000
  let pages = 0
  async function client (seed) {
    // A fast server gets to the end of the split.
    for (let page = round * 200; performance.now() < end; page = (page + 1) % PAGES) {
      const tensor = await fetchPage(base, `batch_size=${BATCH_SIZE}&seed=${seed}&page=${page}`, dispatcher)
      const ids = orders[seed].subarray(page * BATCH_SIZE, (page + 1) * BATCH_SIZE)
      ids.forEach((id, row) => {
        const expected = images.subarray(id * PIXELS, (id + 1) * PIXELS)
        if (!tensor.subarray(row * PIXELS, (row + 1) * PIXELS).equals(expected)) {
          throw new Error(`wrong bytes: seed ${seed}, page ${page}, row ${row}`)
        }
      })
      pages++
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, seed) => client(seed)))
  await dispatcher.close()
  return pages / SECONDS
}

/** The training split in natural order. */
async function fetchImages (base) {
  const pages = []
  for (let page = 0; page * 4000 < SAMPLES; page++) pages.push(await fetchPage(base, `batch_size=4000&page=${page}`))
  return Buffer.concat(pages)
}

/** The pixels of a page. */
async function fetchPage (base, query, dispatcher) {
  const chunks = []
  const url = `${base}${batches}?format=safetensors&normalization=raw&${query}`
  const { status } = await get(url, { dispatcher, onData: chunk => chunks.push(chunk) })
  if (status !== 200) throw new Error(`status ${status}`)
  const file = Buffer.concat(chunks)
  const header = 8 + Number(file.readBigUInt64LE())
  const [from, to] = JSON.parse(file.toString('utf8', 8, header)).images.data_offsets
  return file.subarray(header + from, header + to)
}

/** MurmurHash3's 32-bit finalizer. */
function mix (x) {
  x = Math.imul(x ^ (x >>> 16), 0x85EBCA6B)
  x = Math.imul(x ^ (x >>> 13), 0xC2B2AE35)
  return (x ^ (x >>> 16)) >>> 0
}

/** The documented order of epoch 0, written a second time. */
function orderOf (seed) {
  const a = mix(seed)
  const b = mix(a ^ mix(0x9E3779B9))
  const keys = Uint32Array.from({ length: SAMPLES }, (_, id) => mix(mix(id ^ a) + b))
  return Uint32Array.from(keys.keys()).sort((i, j) => keys[i] - keys[j])
}
