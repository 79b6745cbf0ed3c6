/** Tests the native TensorFlow backend, where @tensorflow/tfjs-node is installed. Fails if tap skips the test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

// An install script builds or downloads the addon; without it the import fails.
const importError = await import('@tensorflow/tfjs-node').then(() => undefined, error => error.message.split('\n')[0])
if (importError !== undefined) {
  console.log('SKIPPED: the native TensorFlow.js backend was not tested.')
  console.log(`tfjs-node cannot be loaded: ${importError}`)
  process.exit(0)
}

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
if (code === 0 && !ran) console.log('FAILED: tfjs-node can be loaded, yet its test was skipped')
process.exit(code === 0 && ran ? 0 : 1)
