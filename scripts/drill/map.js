/**
 * Computes the map of MNIST within 512 MiB while batches are served. Compares how long these take before, during and
 * after. The data folder is a temporary one.
 *
 *     npm run drill -- map
 */
import { setTimeout as delay } from 'node:timers/promises'
import { check } from '../lib/checks.js'
import { createMemoryCgroup } from '../lib/cgroup.js'
import { startQuietService } from '../lib/server.js'
import { quantile } from '../lib/statistics.js'

const LIMIT_MIB = 512
const MAX_RATIO = 1.3
/** Seconds of a measurement. */
const SPAN = 15
/** Milliseconds between requests, as of a client that computes meanwhile. */
const PAUSE_MS = 8
const PAGES = 187

const cgroup = tryCgroup()
const server = await startQuietService(cgroup ? { wrap: cgroup.wrap } : {})
const dataset = `${server.base}/v1/datasets/mnist`
try {
  await measure(5)
  const before = await measure(SPAN)
  const started = performance.now()
  let isComputing = await isMapMissing()
  const during = []
  while (isComputing) {
    during.push(...await measure(5))
    isComputing = await isMapMissing()
  }
  const seconds = (performance.now() - started) / 1000
  const after = await measure(SPAN)
  const usual = [...before, ...after]
  for (const [name, times] of Object.entries({ before, during, after })) {
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)]
    console.log(`${name}: ${times.length} batches, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
  }
  const ratio = quantile(during, 0.99) / quantile(usual, 0.99)
  check('batches take as long while the map is computed', ratio <= MAX_RATIO,
    `p99 ${ratio.toFixed(2)} of that before and after, for ${seconds.toFixed(0)} s`)
  if (cgroup) {
    const memory = `peak ${cgroup.peakMiB()} of ${LIMIT_MIB} MiB, ${cgroup.anonymousMiB()} at the end`
    check('nothing is killed for its memory', cgroup.kills() === 0, memory)
  }
} finally {
  await server.stop()
  cgroup?.remove()
}

function tryCgroup () {
  try {
    return createMemoryCgroup(`map-${process.pid}`, LIMIT_MIB * 2 ** 20)
  } catch (error) {
    console.log(`without a limit on memory: ${error.message}`)
    return undefined
  }
}

async function isMapMissing () {
  const response = await fetch(`${dataset}/splits/train/map?format=npy`)
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`the map has status ${response.status}`)
  return response.status === 202
}

/** Milliseconds of each request, one after the other, for some seconds. */
async function measure (seconds) {
  const times = []
  const end = performance.now() + seconds * 1000
  for (let i = 0; performance.now() < end; i++) {
    const start = performance.now()
    const query = `format=npz&batch_size=256&seed=${1 + i % 7}&page=${i % PAGES}`
    await (await fetch(`${dataset}/splits/train/batches?${query}`)).arrayBuffer()
    times.push(performance.now() - start)
    await delay(PAUSE_MS)
  }
  return times
}
