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
  const [image, crowd] = ['Dockerfile', 'scripts/test-crowd.js'].map(path => {
    return variable.exec(readFileSync(new URL(path, root), 'utf8'))?.[1]
  })
  t.ok(image)
  t.equal(image, crowd)
})

t.test('the image opens no debugger on SIGUSR1', async t => {
  const [, command] = /^CMD (.+)$/m.exec(readFileSync(new URL('Dockerfile', root), 'utf8'))!
  t.same(JSON.parse(command!), ['node', '--disable-sigusr1', 'dist/server.js'])
})
