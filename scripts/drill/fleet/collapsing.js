/** How many requests reach the replicas for one epoch of many clients. */
import { checkTotals, PAGES, readEpoch } from './crowd.js'
import { check } from '../../lib/checks.js'

const CLIENTS = [1, 5, 20]

/** @param countRequests returns the requests for batches that all replicas have responded to */
export async function checkCollapsing (base, version, countRequests) {
  const counts = []
  for (const clients of CLIENTS) {
    const before = await countRequests()
    // A seed of its own, so that no page is stored.
    const totals = await readEpoch(base, version, { clients, seed: 100 + clients })
    counts.push(await countRequests() - before)
    checkTotals(`an epoch of ${clients} clients`, totals)
  }
  const isFlat = counts.every(count => Math.abs(count / counts[0] - 1) <= 0.1)
  const detail = CLIENTS.map((clients, i) => `${counts[i]} of ${clients}`).join(', ')
  check('the requests that reach the replicas do not grow with the clients', isFlat,
    `for ${PAGES} pages, ${detail} clients`)
}

/** Requests for batches in the metrics of a replica. */
export function countBatches (metrics) {
  const lines = metrics.matchAll(/^http_request_duration_seconds_count\{.*\/batches",.*\} (\d+)$/gm)
  return Array.from(lines).reduce((sum, [, count]) => sum + Number(count), 0)
}
