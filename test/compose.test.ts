import { readFileSync } from 'node:fs'
import t from 'tap'
import { environment } from '../src/config/environment.ts'
import { root } from './fixtures/root.ts'

const compose = readFileSync(new URL('docker-compose.yml', root), 'utf8')
const fleet = readFileSync(new URL('deploy/compose.fleet.yml', root), 'utf8')

/** The file as Compose reads it with these variables. */
function interpolate (variables: Readonly<Record<string, string>>, file = compose): string {
  return file.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name, byDefault) => variables[name] || byDefault)
}

t.test('the Compose file passes on every setting that the image does not set', async t => {
  const names = Object.keys(environment.properties).filter(name => !['HOST', 'PORT', 'DATA_DIR'].includes(name))
  for (const name of names) t.ok(compose.includes(`      ${name}: \${${name}:-}\n`), name)
})

t.test('the fleet passes on every setting that neither the image nor the cache sets', async t => {
  const fixed = ['HOST', 'PORT', 'DATA_DIR', 'METRICS_PORT', 'TLS_CERT', 'TLS_KEY']
  for (const name of Object.keys(environment.properties).filter(name => !fixed.includes(name))) {
    t.match(interpolate({ [name]: 'made-up' }, fleet), `      ${name}: made-up\n`, name)
  }
})

t.test('stopping a container takes longer than SHUTDOWN_DELAY and the responses in flight', async t => {
  const DRAIN_SECONDS = 7
  for (const file of [compose, fleet]) {
    for (const delay of ['', '0.5', '30', '3600']) {
      const { 1: grace } = /stop_grace_period: (\S+)\n/.exec(interpolate({ SHUTDOWN_DELAY: delay }, file))!
      // As Go adds up durations.
      const [, seconds, milliseconds] = /^([\d.]+)s(\d+)ms$/.exec(grace!)!
      t.ok(Number(seconds) + Number(milliseconds) / 1000 > Number(delay) + DRAIN_SECONDS, grace)
    }
  }
})

t.test('files of keys and certificates are mounted where the settings name them', async t => {
  for (const file of [compose, fleet]) {
    t.match(interpolate({ SECRETS_DIR: '/etc/mnist' }, file), '      - /etc/mnist:/etc/mnist:ro\n')
    t.match(interpolate({}, file), '      - secrets:/secrets:ro\n')
  }
})

t.test('replicas of the fleet trust the cache in networks of both families, and reach mirrors', async t => {
  t.match(interpolate({}, fleet), /TRUST_PROXY: \S*10\.0\.0\.0\/8\S*,fc00::\/7\n/)
  t.match(fleet, /^ {4}networks: \[replicas, outside\]$/m)
  t.match(fleet, /^networks:\n(?: {2}.*\n)*? {2}outside:\n {2}(?! )/m)
})

t.test('the Compose file uses only the substitutions that docker-compose 1 knows', async t => {
  t.notMatch(interpolate({}), /\$\{/)
})

t.test('the Compose file mounts SOURCE_DIR where the service looks for it', async t => {
  t.match(interpolate({ SOURCE_DIR: '/srv/datasets' }), '      - /srv/datasets:/srv/datasets:ro\n')
  t.match(interpolate({ SOURCE_DIR: '/srv/datasets' }), '      SOURCE_DIR: /srv/datasets\n')
  t.match(interpolate({}), '      - sources:/sources:ro\n')
  t.match(interpolate({}), /\nvolumes:\n {2}data:\n {2}sources:\n {2}secrets:\n$/)
})

t.test('the Compose file publishes a range of ports for several servers', async t => {
  t.match(interpolate({ PORT: '8080-8082' }), '      - 127.0.0.1:8080-8082:8080\n')
})
