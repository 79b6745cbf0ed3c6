/**
 * Sends crowds of clients to a server that may use 512 MiB: compressed JSON, augmentation, clients that disconnect,
 * more seeds than cached orders, hostile ones beside which others are served, and a shutdown under load. The clients
 * check every byte. Requires root and memory cgroups on Linux, and is skipped elsewhere.
 *
 *     npm run drill -- crowd [memory augmentation disconnects seeds fairness shutdown]
 */
import { parseArgs } from 'node:util'
import { crowdOfDisconnects } from './crowd/disconnects.js'
import { fairness } from './crowd/fairness.js'
import { crowdsOfReaders } from './crowd/memory.js'
import { crowdOfSeeds } from './crowd/seeds.js'
import { crowdAtShutdown } from './crowd/shutdown.js'
import { skip, run as runCheck } from '../lib/checks.js'
import { createMemoryCgroup } from '../lib/cgroup.js'
import { cpuSeconds, startQuietService } from '../lib/server.js'

const LIMIT_MIB = 512
/** Of memory that the system cannot take back, unlike the page cache: a margin for the rest of a container. */
const LIMIT_ANONYMOUS_MIB = 450
/** As in the image. */
const imageSettings = { MALLOC_ARENA_MAX: '2' }

const { positionals } = parseArgs({ allowPositionals: true })

const checks = [
  ...crowdsOfReaders,
  { topic: 'disconnects', ...crowdOfDisconnects },
  { topic: 'seeds', ...crowdOfSeeds },
  ...fairness.map(check => ({ topic: 'fairness', ...check })),
  { topic: 'shutdown', ...crowdAtShutdown }
].filter(({ topic }) => positionals.length === 0 || positionals.includes(topic))

const reason = reasonToSkip()
for (const { name, run, settings, skip: ownReason } of checks) {
  if (reason || ownReason) skip(name, reason || ownReason)
  else await runCheck(name, () => inCgroup(run, settings))
}

/** Runs a check against a server of its own, and adds the peak of its memory. */
async function inCgroup (run, settings) {
  const cgroup = createMemoryCgroup(`crowd-${process.pid}`, LIMIT_MIB * 2 ** 20)
  try {
    const server = await startQuietService({ wrap: cgroup.wrap, settings: { ...imageSettings, ...settings } })
    let anonymous = 0
    const sampling = setInterval(() => { anonymous = Math.max(anonymous, cgroup.anonymousMiB()) }, 50)
    let stopped
    const stop = async () => (stopped ??= server.stop())
    try {
      const detail = await run({ ...server, stop, cpuSeconds: () => cpuSeconds(server.pid) })
      const memory = `peak ${cgroup.peakMiB()} of ${LIMIT_MIB} MiB, ${anonymous} without the page cache`
      if (cgroup.kills() > 0) throw new Error(`the server was killed for its memory; ${detail}`)
      if (anonymous > LIMIT_ANONYMOUS_MIB) throw new Error(`${detail}; ${memory}`)
      return `${detail}; ${memory}`
    } finally {
      clearInterval(sampling)
      await stop()
    }
  } finally {
    cgroup.remove()
  }
}

function reasonToSkip () {
  try {
    createMemoryCgroup(`crowd-probe-${process.pid}`, LIMIT_MIB * 2 ** 20).remove()
  } catch (error) {
    return `requires root and memory cgroups on Linux (${error.message})`
  }
}
