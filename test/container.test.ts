import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { environment } from '../src/config/environment.ts'
import { root } from './fixtures/root.ts'

const composeFile = readFileSync(new URL('docker-compose.yml', root), 'utf8')

t.test('the Compose file passes every setting to the container but those of the image', async t => {
  for (const name of Object.keys(environment.properties)) {
    const isFixed = ['HOST', 'PORT', 'DATA_DIR'].includes(name)
    t.equal(new RegExp(`^ {6}${name}: \\$\\{${name}:-.*\\}$`, 'm').test(composeFile), !isFixed, name)
  }
})

t.test('the Compose file rotates the logs', async t => {
  t.match(composeFile, /\n {4}logging:\n {6}driver: local\n {6}options:\n {8}max-size: \d+m\n {8}max-file: '\d+'\n/)
})

t.test('the image limits the heaps of threads, as the test of crowds does', async t => {
  const variable = /\bMALLOC_ARENA_MAX\W+(\d+)/
  const [image, crowd] = ['Dockerfile', 'scripts/drill/crowd.js'].map(path => {
    return variable.exec(readFileSync(new URL(path, root), 'utf8'))?.[1]
  })
  t.ok(image)
  t.equal(image, crowd)
})

t.test('the image can be built without native TensorFlow', async t => {
  const dockerfile = readFileSync(new URL('Dockerfile', root), 'utf8')
  const [, script] = /^ARG NATIVE_TENSORFLOW=1\nRUN (set -e;(?:.*\\\n)+)/m.exec(dockerfile)!
  const commands = (env: Record<string, string>): string[] => {
    // Commands that print themselves, instead of an installation.
    const shell = `npm() { echo "npm $*"; }; find() { :; }; ${script}:`
    const { stdout } = spawnSync('sh', ['-c', shell], { env: { PATH: process.env['PATH'], ...env }, encoding: 'utf8' })
    return stdout.trim().split('\n')
  }
  const native = 'npm pkg delete optionalDependencies[@tensorflow/tfjs-node]'
  const here = { BUILDARCH: 'amd64', TARGETARCH: 'amd64' }
  t.match(commands({ ...here, NATIVE_TENSORFLOW: '1' }), [/^npm ci --omit=dev --no-audit --no-fund$/])
  t.match(commands({ ...here, NATIVE_TENSORFLOW: '0' }), [native, /^npm ci --omit=dev --no-audit --no-fund$/])
  t.match(commands({ ...here, TARGETARCH: 'arm64', NATIVE_TENSORFLOW: '1' }), [native, /^npm ci .*--cpu=arm64$/])
})

t.test('the image opens no debugger on SIGUSR1', async t => {
  const [, command] = /^CMD (.+)$/m.exec(readFileSync(new URL('Dockerfile', root), 'utf8'))!
  t.same(JSON.parse(command!), ['node', '--disable-sigusr1', 'dist/server.js'])
})

t.test('the image listens on IPv6 and IPv4', async t => {
  t.match(readFileSync(new URL('Dockerfile', root), 'utf8'), /^ENV .*\bHOST=:: /m)
})
