/** Clients that read epochs through the cache, and compare each page with the reference. */
import { setTimeout as delay } from 'node:timers/promises'
import { getRetrying } from './client.js'
import { findDifference } from './reference.js'
import { check } from '../../lib/checks.js'

const BATCH_SIZE = 512
/** Pages of an epoch. */
export const PAGES = 94
/** Seeds of a crowd; without one, the order is the natural one. */
const SEEDS = [undefined, 1, 2, 3]

/**
 * Reads an epoch with each of `clients` clients at once.
 *
 * @returns the totals of `startCrowd`
 */
export async function readEpoch (base, version, { clients, seed }) {
  const totals = createTotals()
  await Promise.all(Array.from({ length: clients }, async () => {
    for (let page = 0; page < PAGES; page++) await readPage(base, { version, seed, page }, totals)
  }))
  return totals
}

/**
 * Starts clients that read epoch after epoch, all with different pages in flight.
 *
 * @param options.pauseMs between the pages of a client, as training takes time
 * @returns the totals so far, and `end`, which waits for responses in flight
 */
export function startCrowd (base, version, { clients, pauseMs = 0 }) {
  const totals = createTotals()
  const ending = new AbortController()
  const finished = Promise.all(Array.from({ length: clients }, async (_, id) => {
    const seed = SEEDS[id % SEEDS.length]
    for (let count = 0; !ending.signal.aborted; count++) {
      const [epoch, page] = [Math.floor(count / PAGES), count % PAGES]
      await readPage(base, { version, seed, epoch, page }, totals)
      await delay(pauseMs)
    }
  }))
  return {
    totals,
    async end () {
      ending.abort()
      await finished
      return totals
    }
  }
}

function createTotals () {
  return { responses: 0, retries: {}, wrong: [], lost: [] }
}

async function readPage (base, { version, seed, epoch, page }, totals) {
  const query = new URLSearchParams({
    batch_size: BATCH_SIZE,
    ...seed === undefined ? {} : { seed, epoch: epoch ?? 0 },
    normalization: 'raw',
    labels: 'index',
    format: 'safetensors',
    page,
    version
  })
  let body
  try {
    body = await getRetrying(`${base}/v1/datasets/mnist/splits/train/batches?${query}`, reason => {
      totals.retries[reason] = (totals.retries[reason] ?? 0) + 1
    })
  } catch ({ message }) {
    totals.lost.push(message)
    return
  }
  totals.responses++
  const difference = findDifference(body, { seed, epoch, page, batchSize: BATCH_SIZE })
  if (difference) totals.wrong.push(`${query}: ${difference}`)
}

/** Checks that no page was wrong or lost. */
export function checkTotals (name, { responses, retries, wrong, lost }) {
  check(`${name}: no wrong bytes`, wrong.length === 0 && responses > 0, wrong[0] ?? `${responses} responses`)
  check(`${name}: no request is lost`, lost.length === 0, lost[0] ?? describeRetries(retries))
}

export function describeRetries (retries) {
  const reasons = Object.entries(retries).map(([reason, count]) => `${count} of ${reason}`)
  return reasons.length > 0 ? `retries: ${reasons.join(', ')}` : 'no retries'
}
