import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Validator as OpenApiValidator } from '@seriousme/openapi-schema-validator'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { Compile as compileSchema, type Validator } from 'typebox/schema'
import { buildApp } from '../src/app.ts'
import { catalogue } from '../src/dataset/catalogue/index.ts'
import type { DatasetMap, MapProgress } from '../src/dataset/dataset-map.ts'
import { DatasetRegistry } from '../src/dataset/registry.ts'
import { perSplit } from '../src/dataset/sample-splits.ts'
import { errorCodes } from '../src/errors.ts'
import { examples, type Example } from '../src/http/plugins/docs.ts'
import { loadDataset } from '../src/load/load-dataset.ts'
import { httpConfig } from './fixtures/http-config.ts'
import { root } from './fixtures/root.ts'

// With tap's --snapshot (npm run docs -- openapi), responses are recorded instead of compared.
const recording = t.writeSnapshot
const files = {
  examples: new URL('openapi/examples.json', root),
  document: new URL('openapi/openapi.json', root)
}

/** The parts of an OpenAPI document that contain examples. */
type Document = {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, { readonly properties: Record<string, object> }> }
}

interface Operation {
  readonly operationId: string
  readonly responses: Record<string, ResponseObject>
}

type ExampleObjects = Record<string, { readonly summary: string, readonly value?: unknown }>

interface ResponseObject {
  readonly headers?: Record<string, object>
  readonly content?: Record<string, { readonly examples?: ExampleObjects }>
  readonly 'x-examples'?: ExampleObjects
}

interface DocumentedResponse {
  readonly name: string
  readonly examples: ExampleObjects | undefined
  /** Pointer to the schema of the body; absent if there is no body. */
  readonly schema?: string
}

const mnist = catalogue.get('mnist')!
const config = { ...httpConfig, maxBatchSize: 4096 }
const logger = pino({ level: 'silent' })

const stores = {
  ready: new DatasetRegistry([mnist]),
  loading: new DatasetRegistry([mnist]),
  failed: new DatasetRegistry([mnist])
}
stores.loading.progress(mnist, { stage: 'prepare', item: 'normalizing', done: 21000, total: 70000 })
stores.failed.fail(mnist, 'no source has train-images-idx3-ubyte: none is configured', Date.UTC(2000, 0, 1))

const madeUpMap: DatasetMap = {
  points: perSplit(name => Float32Array.from({ length: name === 'test' ? 20_000 : 2 }, (_, i) => i / 4)),
  duplicates: [{
    first: { split: 'train', id: 7, label: 3 }, second: { split: 'test', id: 5, label: 3 }, distance: 0.1234
  }],
  suspects: [{ split: 'test', id: 5937, label: 5, suggested: 3, votes: 14, own: 1, neighbours: 15, ratio: 1.7 }],
  hash: '0123456789abcdef'
}

/** Of the first examples, one for each resource. The real map would take a minute. */
const examplesOfMap: MapProgress[] = [{ stage: 'neighbours', done: 0.25 }, { stage: 'layout', done: 0.5 }]

t.before(async () => {
  const loaded = await loadDataset(mnist, {
    dataFolder: t.testdir(),
    keep: 0,
    sources: { order: ['embedded'], folder: undefined, mirrors: [], openmlUrl: '', offline: true },
    split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
    prepare: { denoise: 'none', meanOver: 'train' },
    backend: 'wasm',
    signal: new AbortController().signal,
    report: () => {},
    log: logger
  })
  stores.ready.ready({ ...loaded, map: { get: async () => examplesOfMap.shift() ?? madeUpMap } })
})

t.test('every example has the recorded response', async t => {
  const apps = {
    ready: await buildApp({ config, registry: stores.ready, logger }),
    loading: await buildApp({ config, registry: stores.loading, logger }),
    failed: await buildApp({ config, registry: stores.failed, logger })
  }
  await apps.ready.ready()
  t.teardown(() => Promise.all(Object.values(apps).map(app => app.close())))
  const document: Document = JSON.parse(JSON.stringify(apps.ready.swagger()))
  const recorded: Example[] = []
  for (const example of examples) {
    const { method = 'GET', url, headers = {}, body } = example
    const payload = body !== undefined && { payload: body }
    const response = await apps[example.state].inject({ method, url, headers, ...payload })
    const mediaType = (response.headers['content-type'] as string | undefined)?.split(';')[0]
    const value = response.rawPayload.length === 0 ? undefined : show(mediaType!, response.rawPayload)
    assertDocumentedHeaders(t, document, example, Object.keys(response.headers))
    const found = {
      ...example,
      status: response.statusCode,
      ...(mediaType && { mediaType }),
      ...(value !== undefined && { value })
    }
    t.equal(found.status, example.status, `${url} has status ${example.status}`)
    t.equal(mediaType, example.mediaType, `${url} has its media type`)
    if (!recording) t.same(found, example, `${url} has the recorded body`)
    recorded.push(found)
  }
  if (recording) examples.splice(0, Infinity, ...recorded)
  if (recording) writeFileSync(files.examples, `${JSON.stringify(recorded, null, 2)}\n`)
})

t.test('the committed document is what the app generates', async t => {
  const app = await buildApp({ config, registry: stores.ready, logger })
  await app.ready()
  const generated: Document = JSON.parse(JSON.stringify(app.swagger()))
  if (recording) writeFileSync(files.document, `${JSON.stringify(generated, null, 2)}\n`)
  t.same(generated, JSON.parse(readFileSync(files.document, 'utf8')))
  t.same(generated, (await app.inject('/openapi.json')).json(), 'and what is served')
  t.same(await new OpenApiValidator().validate(generated), { valid: true }, 'it is OpenAPI 3.1')

  // Every operation has the same problems of keys and limits.
  const own = responsesOf(generated).filter(({ name }) => !/ (?:401|429) |^GET \/v1\/datasets 503 /.test(name))
  for (const { name, examples } of own) t.ok(examples, `${name} has an example`)
  t.match(generated.components.schemas['Problem']!.properties['code'], { enum: errorCodes })
  await app.close()
})

t.test('the examples match the response schemas and have no undocumented members', async t => {
  const document: Document = closed(JSON.parse(readFileSync(files.document, 'utf8')))
  const validator = (pointer: string): Validator => compileSchema({ ...document, $ref: pointer })
  const assertValid = (validator: Validator, value: unknown, name: string): void => {
    t.same(validator.Errors(value)[1].map(({ instancePath, message }) => `${instancePath} ${message}`), [], name)
  }
  const responses = responsesOf(document)
  for (const { name, schema, examples = {} } of responses) {
    if (schema === undefined) continue
    const validate = validator(schema)
    for (const { summary, value } of Object.values(examples)) assertValid(validate, value, `${name}: ${summary}`)
    t.notOk(validate.Check(undefined), `${name} has a schema`)
  }

  const batch = validator(responses.find(({ name }) => name.endsWith('/batches 200 application/json'))!.schema!)
  const streams = responses.filter(({ name }) => name.endsWith(' application/x-ndjson'))
  for (const { summary, value } of streams.flatMap(({ examples = {} }) => Object.values(examples))) {
    const batches = String(value).trimEnd().split('\n').slice(0, -1)
    t.ok(batches.length > 0)
    for (const line of batches) assertValid(batch, JSON.parse(line), `a line of ${summary}`)
  }
})

/** Headers of every HTTP server, and those for browsers alone. */
const GENERAL = new RegExp('^(access-control-.+|connection|content-(type|length)|cross-origin-resource-policy|date|' +
  'timing-allow-origin|transfer-encoding|vary|x-content-type-options|x-frame-options)$')

function assertDocumentedHeaders (t: Test, { paths }: Document, example: Example, names: string[]): void {
  const operation = Object.values(paths).flatMap(methods => Object.values(methods))
    .find(({ operationId }) => operationId === example.operation)!
  const documented = Object.keys(operation.responses[example.status]!.headers ?? {}).map(name => name.toLowerCase())
  const unknown = names.filter(name => !documented.includes(name) && !GENERAL.test(name))
  t.same(unknown, [], `${example.url} has no undocumented header`)
}

/** Every response of every operation, one for each of its media types. */
function responsesOf ({ paths }: Document): DocumentedResponse[] {
  const list: DocumentedResponse[] = []
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      for (const [status, response] of Object.entries(responses)) {
        const name = `${method.toUpperCase()} ${path} ${status}`
        if (!response.content) list.push({ name, examples: response['x-examples'] })
        for (const [mediaType, { examples }] of Object.entries(response.content ?? {})) {
          const schema = pointerTo('paths', path, method, 'responses', status, 'content', mediaType, 'schema')
          list.push({ name: `${name} ${mediaType}`, examples, schema })
        }
      }
    }
  }
  return list
}

/** A JSON pointer (RFC 6901) as a URI fragment. */
function pointerTo (...keys: string[]): string {
  return ['#', ...keys.map(key => key.replaceAll('~', '~0').replaceAll('/', '~1'))].join('/')
}

/** A copy of a document whose object schemas allow the declared members only. */
function closed<Value> (value: Value): Value
function closed (value: any): any {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, /examples$/.test(key) ? member : closed(member)])
  const declares = value.type === 'object' && value.properties && !('additionalProperties' in value)
  return { ...Object.fromEntries(members), ...(declares && { additionalProperties: false }) }
}

function show (mediaType: string, body: Buffer): unknown {
  if (mediaType === 'application/x-ndjson') {
    return body.toString().replace(/.+/g, line => JSON.stringify(cut(JSON.parse(line))))
  }
  return mediaType.endsWith('json') ? cut(JSON.parse(body.toString())) : summary(body)
}

/** Cuts lists of more than ten elements to three, to keep the examples readable. */
function cut (value: unknown): unknown {
  if (Array.isArray(value)) return (value.length > 10 ? value.slice(0, 3) : value).map(cut)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cut(member)]))
}

function summary (bytes: Buffer): string {
  return `(${bytes.length} bytes, SHA-256 ${createHash('sha256').update(bytes).digest('hex')})`
}
