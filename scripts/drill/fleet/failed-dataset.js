/** A dataset that has failed, beside one that is served: its 503s must not take replicas out for the other one. */
import { setTimeout as delay } from 'node:timers/promises'
import { check } from '../../lib/checks.js'
import { startCache } from '../../lib/nginx-cache.js'

const CLIENTS = 100
const SECONDS = 8
/** Between two requests of a client for the dataset that is served, and of the poller. */
const [PAUSE_MS, POLL_MS] = [300, 200]

/** @param replicas with MNIST, and with Fashion-MNIST, which has failed */
export async function checkFailedDataset (replicas) {
  for (const orchestrator of ['compose', 'kubernetes']) {
    const cache = await startCache(replicas.map(({ base }) => new URL(base).port), { orchestrator })
    try {
      const end = performance.now() + 1000 * SECONDS
      const poller = ask(() => `${cache.base}/v1/datasets/fashion-mnist`, POLL_MS, end)
      const others = await Promise.all(Array.from({ length: CLIENTS }, (_, client) => {
        const url = i => `${cache.base}/v1/datasets/mnist/splits/val/batches?batch_size=8&page=${(client + i) % 1500}`
        return ask(url, PAUSE_MS, end)
      }))
      const [failed, served] = [count([await poller]), count(others)]
      check(`a failed dataset takes no replica out: ${orchestrator}`,
        Object.keys(served).join() === '200' && Object.keys(failed).join() === '503',
        `of ${CLIENTS} clients ${JSON.stringify(served)}, of a poller ${JSON.stringify(failed)}`)
    } finally {
      await cache.stop()
    }
  }
}

/** @returns the statuses of the responses */
async function ask (urlOf, pauseMs, end) {
  const statuses = []
  for (let i = 0; performance.now() < end; i++) {
    const response = await fetch(urlOf(i))
    await response.arrayBuffer()
    statuses.push(response.status)
    await delay(pauseMs)
  }
  return statuses
}

function count (lists) {
  const counts = {}
  for (const status of lists.flat()) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
