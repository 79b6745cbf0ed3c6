/** From the start of the process to ready, with an empty data folder, and the memory that it keeps. */
import { setTimeout as delay } from 'node:timers/promises'
import { residentMiB, startLogging } from './server.js'

/** Memory at rest is read after this long without a request. */
const REST_MS = 2000

/** One start: milliseconds of its stages, the backend, and the memory at rest. */
export async function measureStart () {
  const server = await startLogging()
  try {
    await delay(REST_MS)
    return { ...server.stages, 'RSS MiB': residentMiB(server.pid) }
  } finally {
    await server.stop()
  }
}

export async function starts ({ rounds }) {
  const results = []
  for (let round = 0; round < rounds; round++) results.push(await measureStart())
  return [
    { title: 'cold start, until ready', unit: 'ms', ours: results.map(result => result['ready ms']) },
    { title: 'RSS at rest', unit: 'MiB', ours: results.map(result => result['RSS MiB']) }
  ]
}
