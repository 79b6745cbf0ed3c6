/** Records the examples and the document in openapi/; review the diff. */
import { spawnSync } from 'node:child_process'

const { status } = spawnSync('npm', ['test', '--', '--snapshot', 'test/openapi.test.ts'], {
  stdio: 'inherit',
  shell: process.platform === 'win32'
})
process.exitCode = status ?? 1
