/**
 * Real MNIST by way of OpenML: 70,000 rows of ARFF from a stand-in of its API on loopback. Checks that the files come out as
 * those of the mirrors, bit for bit, and that time and memory stay below their bounds.
 *
 *     npm run test:openml
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MOST_MS = 15_000
const MOST_MIB = 600
const path = name => fileURLToPath(new URL(name, import.meta.url))

let [passed, failed] = [0, 0]
for (const coding of ['plain', 'gzip']) {
  const openml = fork(path('openml-stand-in.js'), [coding], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const folder = mkdtempSync(join(tmpdir(), 'openml-'))
  try {
    const [line] = await once(createInterface({ input: openml.stdout }), 'line')
    const [base, md5, bytes] = line.split(' ')
    const loader = fork(path('openml-load.js'), [base, md5, folder])
    const said = {}
    loader.on('message', message => Object.assign(said, message))
    await once(loader, 'exit')
    check(`${coding}: all four files are those of the mirrors`, said.files?.length === 4 && said.files.every(({ right, source }) => right && source === 'OpenML 554'), `${bytes} bytes of ARFF, version ${said.version}`)
    check(`${coding}: at most ${MOST_MS / 1000} s`, said.ms <= MOST_MS, `${said.ms} ms until prepared, ${said.acquired} ms of them to acquire`)
    check(`${coding}: at most ${MOST_MIB} MiB`, said.peakMiB <= MOST_MIB, `${said.peakMiB} MiB at the peak`)
  } finally {
    openml.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exitCode = failed > 0 ? 1 : 0

function check (name, right, detail) {
  right ? passed++ : failed++
  console.log(`${right ? 'passed  ' : 'FAILED  '} ${name}: ${detail}`)
}
