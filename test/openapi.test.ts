import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { pino } from 'pino'
import t from 'tap'
import { catalogue } from '../src/dataset/catalogue/index.ts'
import { buildApp } from '../src/app.ts'
import { loadDataset } from '../src/prepare/load.ts'
import { examples, type Example } from '../src/http/openapi/examples.ts'
import { DatasetRegistry } from '../src/dataset/registry.ts'
import { root } from './fixtures/root.ts'

// Run with tap's --snapshot (npm run openapi), this records what it otherwise checks.
const recording = t.writeSnapshot
const files = {
  examples: new URL('openapi/examples.json', root),
  document: new URL('openapi/openapi.json', root)
}

/** The parts of an OpenAPI document that hold examples. */
type Document = {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, ResponseObject> }>>
}

interface ResponseObject {
  readonly content?: Record<string, { readonly examples?: object }>
  readonly 'x-examples'?: object
}

const mnist = catalogue.get('mnist')!
const config = { maxBatchSize: 4096, corsOrigins: ['*'] }
const logger = pino({ level: 'silent' })

const stores = { ready: new DatasetRegistry([mnist]), loading: new DatasetRegistry([mnist]), failed: new DatasetRegistry([mnist]) }
stores.loading.progress(mnist, { stage: 'prepare', item: 'normalizing', done: 21000, total: 70000 })
stores.failed.fail(mnist, 'no source has train-images-idx3-ubyte: none is configured')

t.before(async () => {
  stores.ready.ready(await loadDataset(mnist, {
    dataFolder: t.testdir(),
    keep: 0,
    sources: { order: ['embedded'], folder: undefined, mirrors: [], openmlUrl: '', offline: true },
    split: { mode: 'contiguous', valFraction: 0.2, seed: 0 },
    prepare: { denoise: 'none', meanOver: 'train' },
    backend: 'wasm',
    signal: new AbortController().signal,
    report: () => {},
    log: logger
  }))
})

t.test('every example is answered as the document says', async t => {
  const recorded: Example[] = []
  for (const example of examples) {
    const app = await buildApp({ config, store: stores[example.state], logger })
    const answer = await app.inject({ method: example.method ?? 'GET', url: example.url, headers: example.headers ?? {}, ...(example.body !== undefined && { payload: example.body }) })
    const mediaType = (answer.headers['content-type'] as string | undefined)?.split(';')[0]
    const value = answer.rawPayload.length === 0 ? undefined : show(mediaType!, answer.rawPayload)
    const found = { ...example, status: answer.statusCode, ...(mediaType && { mediaType }), ...(value !== undefined && { value }) }
    t.equal(found.status, example.status, `${example.url} answers ${example.status}`)
    t.equal(mediaType, example.mediaType, `${example.url} has its media type`)
    if (!recording) t.same(found, example, `${example.url} has the recorded body`)
    recorded.push(found)
    await app.close()
  }
  if (recording) examples.splice(0, Infinity, ...recorded)
  if (recording) writeFileSync(files.examples, `${JSON.stringify(recorded, null, 2)}\n`)
})

t.test('the committed document is what the app generates', async t => {
  const app = await buildApp({ config, store: stores.ready, logger })
  await app.ready()
  const generated: Document = JSON.parse(JSON.stringify(app.swagger()))
  if (recording) writeFileSync(files.document, `${JSON.stringify(generated, null, 2)}\n`)
  t.same(generated, JSON.parse(readFileSync(files.document, 'utf8')))
  t.same(generated, (await app.inject('/openapi.json')).json(), 'it is what is served, too')
  t.same(await new Validator().validate(generated), { valid: true }, 'it is OpenAPI 3.1')

  const operations = Object.entries(generated.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const))
  for (const [name, { responses }] of operations) {
    for (const [status, response] of Object.entries(responses)) {
      const bodies = response.content ? Object.entries(response.content) : [['no body', { examples: response['x-examples'] }] as const]
      for (const [mediaType, { examples }] of bodies) t.ok(examples, `${name} has an example for ${status} ${mediaType}`)
    }
  }
  await app.close()
})

function show (mediaType: string, body: Buffer): unknown {
  if (mediaType === 'application/x-ndjson') return body.toString().replace(/.+/g, line => JSON.stringify(cut(JSON.parse(line))))
  return mediaType.endsWith('json') ? cut(JSON.parse(body.toString())) : summary(body)
}

/** Lists of more than ten elements are cut to three: examples are read by people. */
function cut (value: unknown): unknown {
  if (Array.isArray(value)) return (value.length > 10 ? value.slice(0, 3) : value).map(cut)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cut(member)]))
  return value
}

function summary (bytes: Buffer): string {
  return `(${bytes.length} bytes, SHA-256 ${createHash('sha256').update(bytes).digest('hex')})`
}
