/** Whom the cache tells what it has stored, and whose address it passes on. */
import { setTimeout as delay } from 'node:timers/promises'
import { check } from '../../lib/checks.js'
import { writeKeys } from '../../lib/files.js'
import { startCache } from '../../lib/nginx-cache.js'
import { freePort, startQuietService } from '../../lib/server.js'

const KEY = 'made-up'
const PATH = '/v1/datasets/mnist/splits/val/batches?batch_size=8'
const ORIGINS = ['https://a.example', 'https://b.example']
const RATE_LIMIT = 3
const PROBE_SECONDS = 1

/** @param options of the replicas */
export async function checkTrust (options) {
  await checkKeys(options)
  await checkOrigins(options)
  await checkAddresses(options)
}

/** A page is stored, then the replicas are replaced by ones that need keys. */
async function checkKeys (options) {
  const ports = [await freePort(), await freePort()]
  const start = (i, settings) => startQuietService({ ...options, port: ports[i], settings })
  const cache = await startCache(ports, { probeSeconds: PROBE_SECONDS })
  let replica = await start(0, {})
  try {
    const version = await readVersion(replica.base)
    const url = `${cache.base}${PATH}&version=${version}`
    await get(url)
    const before = await get(url)
    await replica.stop()
    replica = await start(1, { API_KEYS_FILE: writeKeys({ alice: KEY }) })
    await delay(1000 * (PROBE_SECONDS + 1))
    // The first request after the probe has expired asks again.
    await get(url)
    const after = await get(url)
    check('what was stored before keys were switched on needs a key', before.cached === 'HIT' && after.status === 401,
      `${before.status}, then ${after.status}`)
    const withKey = await get(url, { authorization: `Bearer ${KEY}` })
    check('with a key, the response is not stored', withKey.status === 200 && withKey.cached === null)
  } finally {
    await replica.stop()
    await cache.stop()
  }
}

async function checkOrigins (options) {
  const replica = await startQuietService({ ...options, settings: { CORS_ORIGIN: ORIGINS.join() } })
  const cache = await startCache([new URL(replica.base).port])
  try {
    const url = `${cache.base}${PATH}&version=${await readVersion(replica.base)}`
    await get(url)
    const allowed = []
    for (const origin of [...ORIGINS, ...ORIGINS]) {
      allowed.push((await get(url, { origin })).headers.get('access-control-allow-origin'))
    }
    check('each origin of a list may read what is stored', allowed.join() === [...ORIGINS, ...ORIGINS].join(), allowed)
  } finally {
    await replica.stop()
    await cache.stop()
  }
}

/** Clients behind an ingress have addresses of their own, and others cannot make up one. */
async function checkAddresses (options) {
  const settings = { RATE_LIMIT: String(RATE_LIMIT), TRUST_PROXY: '127.0.0.1' }
  for (const [name, proxies, expected] of [
    ['an ingress keeps the addresses of its clients', 'set_real_ip_from 127.0.0.1;', 200],
    ['clients cannot make up addresses', '', 429]
  ]) {
    const replica = await startQuietService({ ...options, settings })
    const cache = await startCache([new URL(replica.base).port], { proxies })
    try {
      let last
      for (let i = 0; i <= RATE_LIMIT + 1; i++) {
        last = await get(`${cache.base}/v1/datasets/mnist`, { 'x-forwarded-for': `192.0.2.${i}` })
      }
      check(name, last.status === expected, last.status)
    } finally {
      await replica.stop()
      await cache.stop()
    }
  }
}

async function get (url, headers = {}) {
  const response = await fetch(url, { headers })
  await response.arrayBuffer()
  return { status: response.status, headers: response.headers, cached: response.headers.get('x-cache') }
}

async function readVersion (base) {
  return (await (await fetch(`${base}/v1/datasets/mnist`)).json()).version
}
