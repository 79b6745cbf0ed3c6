/**
 * Real Fashion-MNIST, as Debian's package dataset-fashion-mnist has it: from that folder, beside MNIST, and from a mirror on
 * loopback. Skips where the package is not installed.
 *
 *     npm run test:fashion
 */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { residentMiB, startService } from './lib/server.js'

const parent = '/usr/share/datasets'
const MOST_MIB = 750
if (!existsSync(join(parent, 'fashion-mnist'))) {
  console.log('SKIPPED: the package dataset-fashion-mnist is not installed.\n0 passed, 0 failed, 1 skipped')
  process.exit()
}
const mirror = createServer(({ url }, response) => response.end(readFileSync(join(parent, 'fashion-mnist', basename(url))))).listen(0, '127.0.0.1')
await once(mirror, 'listening')
let failed = 0
await check('from a folder, beside MNIST', { DATASETS: 'fashion-mnist,mnist', SOURCE_DIR: parent, OFFLINE: '1' }, 'folder fashion-mnist')
await check('from a mirror', { DATASETS: 'fashion-mnist', SOURCES: 'mirrors', MIRRORS: `http://127.0.0.1:${mirror.address().port}/` }, `http://127.0.0.1:${mirror.address().port}/`)
mirror.close()
console.log(`${2 - failed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed > 0 ? 1 : 0

async function check (name, settings, source) {
  const server = await startService({ settings })
  try {
    while (!(await fetch(`${server.base}/readyz`)).ok) await delay(100)
    await delay(2000)
    const { provenance: { files }, classes } = await (await fetch(`${server.base}/v1/datasets/fashion-mnist`)).json()
    const mib = residentMiB(server.pid)
    if (files.some(file => file.source !== source)) throw new Error(`came from ${files.map(file => file.source)}`)
    if (!(mib <= MOST_MIB)) throw new Error(`${mib} MiB at rest, at most ${MOST_MIB} were expected`)
    console.log(`passed   ${name}: ${classes.length} classes, ${mib} MiB at rest`)
  } catch (error) {
    failed++
    console.log(`FAILED   ${name}: ${error.message}`)
  } finally {
    await server.stop()
  }
}
