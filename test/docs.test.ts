import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { describeAllowed, type ValueSchema } from '../src/config/describe-schema.ts'
import { environment } from '../src/config/environment.ts'
import { catalogue } from '../src/dataset/catalogue/index.ts'
import { shuffledOrder } from '../src/dataset/order.ts'
import { batchHeaderSchemas, batchMembers } from '../src/http/openapi/schemas/batch-fields.ts'
import { root } from './fixtures/root.ts'

const docs = readdirSync(new URL('docs/', root)).filter(name => name.endsWith('.md'))
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs.map(name => `docs/${name}`)]

const readme = read('README.md')
const document = JSON.parse(read('openapi/openapi.json'))

interface Parameter {
  readonly name: string
  readonly in: string
  readonly schema: ValueSchema & { readonly default?: unknown }
}

type Setting = ValueSchema & { readonly default?: unknown, readonly description?: string }

function read (path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

function code (value: unknown): string {
  return `\`${value}\``
}

/** The allowed values of a parameter or setting, as the tables show them. */
function allowedValues (schema: ValueSchema): string {
  if (schema.enum) return schema.enum.map(code).join(', ')
  return schema.type === 'string' ? 'text' : describeAllowed(schema).replace(/^an? /, '')
}

/** The text from a heading to the next one. */
function section (text: string, heading: string): string {
  return text.split(/^(?=#+ )/m).find(part => part.startsWith(`${heading}\n`)) ?? ''
}

/** The cells of the table rows whose first cell is code. */
function tableRows (text: string): string[][] {
  const rows = [...text.matchAll(/^\| (`[^|]*) \|(.*)\|$/gm)]
  return rows.map(([, first, others]) => [first!, ...others!.split('|').map(cell => cell.trim())])
}

function queryParameters (path: string): Parameter[] {
  const { get, post } = document.paths[path]
  return ((get ?? post).parameters ?? []).filter((parameter: Parameter) => parameter.in === 'query')
}

t.test('the README has at most 180 lines', async t => {
  t.ok(readme.trimEnd().split('\n').length <= 180)
})

t.test('every npm script that the docs name exists', async t => {
  const scripts = ['package.json', 'clients/typescript/package.json'].flatMap(path => {
    return Object.keys(JSON.parse(read(path)).scripts)
  })
  const named = pages.flatMap(path => Array.from(read(path).matchAll(/npm run ([\w:]+)/g), ([, name]) => name!))
  t.ok(named.length > 20)
  t.same([...new Set(named)].filter(name => !scripts.includes(name)), [])
})

t.test('every drill, task and generator of docs that the docs name exists', async t => {
  const named = pages.flatMap(path => {
    return Array.from(read(path).matchAll(/npm run (drill|docs|task) -- ([\w-]+)/g), ([, group, name]) => {
      return `scripts/${group}/${name}.js`
    })
  })
  t.ok(named.length > 20)
  t.same(named.filter(path => !existsSync(new URL(path, root))), [])
})

t.test('docs/operations.md has every setting as the configuration declares it', async t => {
  const rows = tableRows(section(read('docs/operations.md'), '## Configuration'))
  const declared = Object.entries(environment.properties).map(([name, schema]: [string, Setting]) => {
    const byDefault = (schema.default ?? '') === '' ? 'none' : code(schema.default)
    return [code(name), allowedValues(schema), byDefault, schema.description]
  })
  t.same(rows, declared)
})

t.test('the README has every endpoint', async t => {
  const endpoints = tableRows(section(readme, '## Endpoints')).flatMap(([cell]) => cell!.split(', '))
  t.same(endpoints.sort(), [...Object.keys(document.paths), '/docs', '/openapi.json', '/metrics'].map(code).sort())
})

t.test('the README has every parameter of batches, with its values and default', async t => {
  const rows = tableRows(section(readme, '## Parameters')).map(cells => cells.slice(0, 3))
  const declared = queryParameters('/v1/datasets/{dataset}/splits/{split}/batches').map(({ name, schema }) => {
    return [code(name), allowedValues(schema), schema.default === undefined ? 'none' : code(schema.default)]
  })
  t.same(rows, declared)
})

t.test('docs/api.md has the parameters of every other endpoint', async t => {
  const rows = tableRows(section(read('docs/api.md'), '## Parameters'))
  const batches = '/v1/datasets/{dataset}/splits/{split}/batches'
  const names = (path: string) => queryParameters(path).map(({ name }) => name)
  t.same(names(batches.replace(/batches$/, 'stream')), names(batches), 'stream takes those of batches')
  const others = Object.keys(document.paths).filter(path => !/\/(batches|stream)$/.test(path) && names(path).length > 0)
  const documented = new Map(rows.map(([path, parameters]) => [path, parameters!]))
  t.same(documented, new Map(others.map(path => [code(path), names(path).map(code).join(', ')])))
})

t.test('docs/api.md has the fields of a batch, with their headers', async t => {
  const rows = tableRows(section(read('docs/api.md'), '## Tensors and metadata')).filter(([, header]) => {
    return header!.startsWith('`Batch-')
  })
  const headers = Object.keys(batchHeaderSchemas('page'))
  const declared = Object.entries(batchMembers('page')).map(([name, schema], i) => {
    return [code(name), code(headers[i]), (schema as { description?: string }).description]
  })
  t.same(rows, declared)
})

t.test('the README has every dataset of the catalogue', async t => {
  const table = tableRows(section(readme, '## Datasets'))
  const rows = table.map(([name, , counts, classes, licence]) => [name, counts, classes, licence])
  const declared = [...catalogue.values()].map(({ name, files, classes, licence }) => {
    const counts = [files.trainImages, files.testImages].map(({ dimensions }) => dimensions[0]!.toLocaleString('en'))
    return [code(name), counts.join(' + '), String(classes.length), licence.name]
  })
  t.same(rows, declared)
})

t.test('docs/reproducibility.md contains what the OpenAPI document specifies', async t => {
  const description = read('openapi/description.md')
  const pattern = /^<!-- openapi\/description\.md -->\n\n([^]*)\n<!-- end of openapi\/description\.md -->$/m
  const [, copy] = pattern.exec(read('docs/reproducibility.md')) ?? []
  t.equal(copy, description)
  t.ok(document.info.description.endsWith(`\n\n${description}`))
})

t.test('the test vectors are orders of this service', async t => {
  const vectors = [...read('openapi/description.md').matchAll(/^\| (\d+) \| (\d+) \| (\d+) \| ([\d ]+) \|$/gm)]
  t.ok(vectors.length > 0)
  for (const [row, n, seed, epoch, ids] of vectors) {
    const expected = ids!.split(' ').map(Number)
    t.same([...shuffledOrder(Number(n), Number(seed), Number(epoch)).subarray(0, expected.length)], expected, row)
  }
})

t.test('every relative link leads to a file and an anchor that exist', async t => {
  for (const page of pages) {
    for (const [, target] of prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const { href, hash } = new URL(target!, new URL(page, root))
      const file = new URL(href.slice(0, href.length - hash.length))
      t.ok(existsSync(file), `${page}: ${target} exists`)
      const anchor = decodeURIComponent(hash.slice(1))
      if (anchor) t.ok(anchors(readFileSync(file, 'utf8')).has(anchor), `${page}: ${target} has its anchor`)
    }
  }
})

/** A page without its code blocks, in which # starts a comment and ]( may be code. */
function prose (text: string): string {
  return text.replaceAll(/^ *```[^]*?^ *```$/gm, '')
}

/** The anchors that GitHub derives from the headings of a page. */
function anchors (text: string): Set<string> {
  const headings = [...prose(text).matchAll(/^#+ (.+)$/gm)]
  return new Set(headings.map(([, heading]) => {
    return heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
  }))
}
