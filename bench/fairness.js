/** What other clients notice of a hostile one, without keys, with keys, and with keys and RATE_LIMIT. */
import { finished } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { writeKeys } from '../scripts/lib/files.js'
import { startQuietService } from '../scripts/lib/server.js'
import { quantile } from '../scripts/lib/statistics.js'
import { withServers } from './alternatives.js'
import { load } from './load.js'
import { alternate } from './rounds.js'

const SPLIT = '/v1/datasets/mnist/splits/train'
const MAX_P99_RATIO = 3
const MAX_READY_MS = 250

/** Each page is requested once: elastic deformations are the most expensive augmentation. */
const HOSTILE = `${SPLIT}/batches?batch_size=4096&page={page}&augment=elastic:64&seed=1&epoch={epoch}`
const HOSTILE_PAGES = 11
const HOSTILE_CONNECTIONS = 64

/** Other clients, each with a key of its own, 1 to 4 connections and so many requests per second. */
const OTHERS = 40
const OTHERS_RATE = 1.5
const OTHERS_PAGES = 16
const RATE_LIMIT = 120
/** A measurement is longer than others, so that 1 % of the requests are more than one. */
const TIMES_LONGER = 3
const PROBE_MS = 50

/** Settings besides the keys, and whether the hostile client has used up its allowance: then it ignores the 429s. */
const modes = {
  'no keys': { hasKeys: false, settings: {}, isLimited: false },
  keys: { hasKeys: true, settings: {}, isLimited: false },
  'keys and RATE_LIMIT': { hasKeys: true, settings: { RATE_LIMIT: String(RATE_LIMIT) }, isLimited: true }
}

export async function fairness ({ rounds, seconds }) {
  const names = ['hostile', ...Array.from({ length: OTHERS }, (_, client) => `other-${client}`)]
  const keys = writeKeys(Object.fromEntries(names.map(name => [name, keyOf(name)])))
  return await withServers(async use => {
    const servers = {}
    for (const [name, mode] of Object.entries(modes)) {
      const settings = { ...mode.settings, ...(mode.hasKeys && { API_KEYS_FILE: keys }) }
      servers[name] = { ...mode, ...await use(startQuietService({ settings })) }
    }
    const results = await alternate(servers, rounds, server => measure(server, seconds * TIMES_LONGER))
    return Object.entries(results).flatMap(([name, rounds]) => toRows(name, servers[name].hasKeys, rounds))
  })
}

function toRows (name, hasLimits, rounds) {
  const row = (title, unit, read, max) => {
    return { title: `${name}: ${title}`, unit, ours: rounds.map(read), max: hasLimits ? max : undefined }
  }
  return [
    row('p99 of others, idle', 'ms', ({ idle }) => idle.p99),
    row('p99 of others beside a hostile client', 'ms', ({ beside }) => beside.p99),
    row('ratio of the two', 'ratio', ({ idle, beside }) => beside.p99 / idle.p99, MAX_P99_RATIO),
    row('slowest `/readyz`, idle', 'ms', ({ idle }) => idle.slowestReady),
    row('slowest `/readyz` beside it', 'ms', ({ beside }) => beside.slowestReady, MAX_READY_MS),
    row('responses to it', 'requests/s', ({ rate }) => rate)
  ]
}

/** The others alone, then beside the hostile client. */
async function measure ({ base, hasKeys, isLimited }, seconds) {
  const idle = await readOthers(base, hasKeys, seconds)
  const headers = { 'accept-encoding': 'br', ...authorization(hasKeys, 'hostile') }
  if (isLimited) await useUp(base, headers)
  const target = { base, path: HOSTILE, pages: HOSTILE_PAGES, headers, firstEpoch: Date.now() % 1e9 }
  const running = load(target, { seconds: seconds + 3, connections: HOSTILE_CONNECTIONS, allowErrors: true })
  await delay(2000)
  const beside = await readOthers(base, hasKeys, seconds)
  const { 'requests/s': rate } = await running
  // What it has begun runs to its end.
  await delay(2000)
  return { idle, beside, rate }
}

async function useUp (base, headers) {
  for (let status = 0; status !== 429;) ({ status } = await fetch(`${base}/v1/datasets`, { headers }))
}

/** Reads natural pages at a steady rate, whether or not earlier responses have arrived, and probes `/readyz`. */
async function readOthers (base, hasKeys, seconds) {
  const pools = Array.from({ length: OTHERS }, (_, i) => new Pool(base, { connections: 1 + i % 4, pipelining: 1 }))
  const probe = new Pool(base, { connections: 1 })
  const latencies = []
  const probes = []
  const end = performance.now() + seconds * 1000
  const every = async (ms, send) => {
    const sent = []
    for (let time = performance.now() + ms * Math.random(); time < end; time += ms) {
      await delay(time - performance.now())
      sent.push(send())
    }
    await Promise.all(sent)
  }
  await Promise.all([
    every(PROBE_MS, async () => probes.push(await timeRequest(probe, '/readyz'))),
    ...pools.map((pool, client) => {
      const headers = authorization(hasKeys, `other-${client}`)
      let page = client
      return every(1000 / OTHERS_RATE, async () => {
        const path = `${SPLIT}/batches?batch_size=256&format=safetensors&page=${page++ % OTHERS_PAGES}`
        latencies.push(await timeRequest(pool, path, headers))
      })
    })
  ])
  await Promise.all([probe, ...pools].map(pool => pool.close()))
  return { p99: quantile(latencies, 0.99), slowestReady: Math.max(...probes) }
}

/** Milliseconds until a response has arrived. */
async function timeRequest (pool, path, headers) {
  const started = performance.now()
  const { statusCode, body } = await pool.request({ path, method: 'GET', headers })
  await finished(body.resume())
  if (statusCode !== 200) throw new Error(`${path} responds with ${statusCode}`)
  return performance.now() - started
}

function authorization (hasKeys, name) {
  return hasKeys ? { authorization: `Bearer ${keyOf(name)}` } : {}
}

function keyOf (name) {
  return `key-of-${name}`
}
