/** Tests the native TensorFlow backend, where @tensorflow/tfjs-node is installed. Fails if tap skips the test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { check, skipAll } from '../lib/checks.js'

// An install script builds or downloads the addon; without it the import fails.
const importError = await import('@tensorflow/tfjs-node').then(() => undefined, error => error.message.split('\n')[0])
if (importError !== undefined) skipAll(`tfjs-node cannot be loaded: ${importError}`)

const tap = spawn('npm', ['test', '--', '--reporter=tap', 'test/prepare/backends.test.ts'], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  stdio: ['ignore', 'pipe', 'inherit'],
  shell: process.platform === 'win32'
})
let output = ''
tap.stdout.on('data', part => {
  output += part
  process.stdout.write(part)
})
const [code] = await once(tap, 'close')
const ran = /^ *ok \d+ - tensorflow gives the bits of a plain loop(?!.*# SKIP)/m.test(output)
check('the tests of the backends pass', code === 0)
check('that of tfjs-node is not skipped', ran)
