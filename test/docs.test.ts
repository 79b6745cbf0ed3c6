import { readFileSync } from 'node:fs'
import t from 'tap'
import { describeAllowed, type ValueSchema } from '../src/io/describe-schema.ts'
import { environment } from '../src/config.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const document = JSON.parse(readFileSync(new URL('../openapi/openapi.json', import.meta.url), 'utf8'))

function code (value: unknown): string {
  return `\`${value}\``
}

t.test('the README has every setting as the configuration declares it', async t => {
  const rows = readme.split('\n').filter(line => /^\| `[A-Z_]+` \|.*\|.*\|.*\|$/.test(line))
  const declared = Object.entries(environment.properties).map(([name, schema]: [string, ValueSchema & { default?: unknown, description?: string }]) => {
    const values = schema.enum ? schema.enum.map(code).join(', ') : schema.type === 'string' ? 'text' : describeAllowed(schema).replace(/^an? /, '')
    return `| ${code(name)} | ${values} | ${schema.default === '' ? 'none' : code(schema.default)} | ${schema.description} |`
  })
  t.same(rows, declared)
})

t.test('the README has every endpoint', async t => {
  const endpoints = [...readme.matchAll(/^\| (`\/[^|]*) \|/gm)].flatMap(([, cell]) => cell!.split(', '))
  t.same(endpoints.sort(), [...Object.keys(document.paths), '/docs', '/openapi.json'].map(code).sort())
})

t.test('the README has every parameter of batches, with its values and default', async t => {
  const { parameters } = document.paths['/v1/datasets/{dataset}/splits/{split}/batches'].get
  const table = readme.slice(readme.indexOf('| parameter of'), readme.indexOf('Anything else is a 400'))
  const rows = new Map([...table.matchAll(/^\| `(\w+)` \| (.*) \| (.*) \|$/gm)].map(([, name, values, byDefault]) => [name, { values: values!, byDefault }]))
  for (const { name, in: place, schema } of parameters) {
    if (place !== 'query') continue
    const row = rows.get(name)
    t.ok(row, `${name} has its row`)
    rows.delete(name)
    for (const value of schema.enum ?? []) t.ok(row?.values.includes(code(value)), `${name} has ${value}`)
    if (schema.default !== undefined) t.equal(row?.byDefault, code(schema.default), `${name} has its default`)
  }
  t.same([...rows.keys()], [], 'and no other')
})
