/** From the start of the process to ready, and the memory that it keeps. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startMirror } from '../scripts/mnist-mirror.js'
import { residentMiB, startLogging } from './server.js'

/** Memory at rest is read after this long without a request. */
const REST_MS = 2000

/** One start: milliseconds of its stages, the backend, and the memory at rest. */
export async function measureStart (options) {
  const server = await startLogging(options)
  try {
    await delay(REST_MS)
    return { ...server.stages, 'RSS MiB': residentMiB(server.pid) }
  } finally {
    await server.stop()
  }
}

/**
 * Starts of three kinds, in turns: with nothing at hand but the npm package, from a mirror on loopback that has the files
 * gzipped, and with everything prepared before.
 */
export async function measureStarts (rounds) {
  const results = { cold: [], mirror: [], warm: [] }
  const mirror = await startMirror()
  const dataFolder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    await measureStart({ dataFolder })
    for (let round = 0; round < rounds; round++) {
      results.cold.push(await measureStart())
      results.mirror.push(await measureStart({ settings: { SOURCES: 'mirrors', MIRRORS: mirror.base } }))
      results.warm.push(await measureStart({ dataFolder }))
    }
    return results
  } finally {
    mirror.stop()
    rmSync(dataFolder, { recursive: true })
  }
}

export async function starts ({ rounds }) {
  const { cold, mirror, warm } = await measureStarts(rounds)
  const ready = results => results.map(result => result['ready ms'])
  return [
    { title: 'cold start, until ready', unit: 'ms', ours: ready(cold) },
    { title: 'cold start from a mirror', unit: 'ms', ours: ready(mirror) },
    { title: 'warm start', unit: 'ms', ours: ready(warm) },
    { title: 'RSS at rest', unit: 'MiB', ours: cold.map(result => result['RSS MiB']) }
  ]
}
