import { readFileSync } from 'node:fs'
import t from 'tap'
import { environment } from '../src/config/environment.ts'
import { root } from './fixtures/root.ts'

const compose = readFileSync(new URL('docker-compose.yml', root), 'utf8')

/** The file as Compose reads it with these variables. */
function interpolate (variables: Readonly<Record<string, string>>): string {
  return compose.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name, byDefault) => variables[name] || byDefault)
}

t.test('the Compose file passes on every setting that the image does not set', async t => {
  const names = Object.keys(environment.properties).filter(name => !['HOST', 'PORT', 'DATA_DIR'].includes(name))
  for (const name of names) t.ok(compose.includes(`      ${name}: \${${name}:-}\n`), name)
})

t.test('the Compose file uses only the substitutions that docker-compose 1 knows', async t => {
  t.notMatch(interpolate({}), /\$\{/)
})

t.test('the Compose file mounts SOURCE_DIR where the service looks for it', async t => {
  t.match(interpolate({ SOURCE_DIR: '/srv/datasets' }), '      - /srv/datasets:/srv/datasets:ro\n')
  t.match(interpolate({ SOURCE_DIR: '/srv/datasets' }), '      SOURCE_DIR: /srv/datasets\n')
  t.match(interpolate({}), '      - sources:/sources:ro\n')
  t.match(interpolate({}), /\nvolumes:\n {2}data:\n {2}sources:\n$/)
})

t.test('the Compose file publishes a range of ports for several servers', async t => {
  t.match(interpolate({ PORT: '8080-8082' }), '      - 127.0.0.1:8080-8082:8080\n')
})
