/**
 * Tests real Fashion-MNIST from the Debian package dataset-fashion-mnist: from its folder, beside MNIST, and from a
 * mirror on loopback. Skipped if the package is not installed.
 *
 *     npm run drill -- fashion
 */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run, skipAll } from '../lib/checks.js'
import { ready, residentMiB, startService } from '../lib/server.js'

const parent = '/usr/share/datasets'
const folder = join(parent, 'fashion-mnist')
const MAX_RSS_MIB = 750
/** Memory is read after this long without a request. */
const REST_MS = 2000

if (!existsSync(folder)) skipAll('the package dataset-fashion-mnist is not installed')

const mirror = createServer(({ url }, response) => response.end(readFileSync(join(folder, basename(url)))))
await once(mirror.listen(0, '127.0.0.1'), 'listening')
const mirrorUrl = `http://127.0.0.1:${mirror.address().port}/`

const checks = [
  {
    name: 'from a folder, beside MNIST',
    settings: { DATASETS: 'fashion-mnist,mnist', SOURCE_DIR: parent, OFFLINE: '1' },
    source: 'folder fashion-mnist'
  },
  {
    name: 'from a mirror',
    settings: { DATASETS: 'fashion-mnist', SOURCES: 'mirrors', MIRRORS: mirrorUrl },
    source: 'mirror 1 of MIRRORS'
  }
]

for (const { name, ...expected } of checks) await run(name, () => measure(expected))
mirror.close()

async function measure ({ settings, source }) {
  const server = await startService({ settings })
  try {
    await ready(server.base)
    await delay(REST_MS)
    const response = await fetch(`${server.base}/v1/datasets/fashion-mnist`)
    const { provenance: { files }, classes } = await response.json()
    const sources = files.map(file => file.source)
    const mib = residentMiB(server.pid)
    if (sources.some(found => found !== source)) throw new Error(`sources are ${sources}, not ${source}`)
    if (!(mib <= MAX_RSS_MIB)) throw new Error(`${mib} MiB at rest, limit ${MAX_RSS_MIB}`)
    return `${classes.length} classes, ${mib} MiB at rest`
  } finally {
    await server.stop()
  }
}
