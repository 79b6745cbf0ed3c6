/**
 * Loads MNIST from a stand-in for OpenML: 70,000 rows of ARFF from its API on loopback. The files must equal those of
 * the mirrors, within limits on time and memory.
 *
 *     npm run drill -- openml
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { check } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'

const MAX_MS = 15_000
const MAX_MIB = 600

for (const coding of ['identity', 'gzip']) {
  const openml = fork(programPath('stand-in.js'), [coding], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  try {
    const [line] = await once(createInterface({ input: openml.stdout }), 'line')
    const [base, md5, bytes] = line.split(' ')
    const loader = fork(programPath('load.js'), [base, md5, temporaryFolder('openml')])
    const report = {}
    loader.on('message', message => Object.assign(report, message))
    await once(loader, 'exit')
    const { files = [], version, ms, acquiringMs, peakMiB } = report
    const areOriginal = files.length === 4 && files.every(file => file.isOriginal && file.source === 'OpenML 554')
    check(`${coding}: all files equal those of the mirrors`, areOriginal, `${bytes} bytes of ARFF, version ${version}`)
    check(`${coding}: at most ${MAX_MS / 1000} s`, ms <= MAX_MS, `${ms} ms, including ${acquiringMs} ms to acquire`)
    check(`${coding}: at most ${MAX_MIB} MiB`, peakMiB <= MAX_MIB, `peak of ${peakMiB} MiB`)
  } finally {
    openml.kill('SIGKILL')
  }
}

function programPath (name) {
  return fileURLToPath(new URL(`openml/${name}`, import.meta.url))
}
