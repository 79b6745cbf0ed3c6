import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { ApiKeys } from '../../../src/http/plugins/api-keys.ts'
import { startTracing } from '../../../src/http/tracing/tracing.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 4000, val: 5, test: 5 }, { rows: 28, columns: 28 })
const split = '/v1/datasets/made-up/splits/train'

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string, readonly intValue?: number, readonly doubleValue?: number }
}

interface Span {
  readonly name: string
  readonly traceId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly status: { readonly code: number }
  readonly attributes: readonly Attribute[]
}

interface Export {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: readonly Span[] }>
  }>
}

const silent = { info () {}, warn () {} }

const attributesOf = (attributes: readonly Attribute[]) => {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}

/** A collector that adds to `exports`, and its address. */
async function receive (t: Test, exports: Export[]): Promise<string> {
  const receiver = createServer(async (request, response) => {
    t.match([request.method, request.url], ['POST', '/collector/v1/traces'])
    exports.push(await json(request) as Export)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  t.teardown(() => receiver.close())
  await once(receiver, 'listening')
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/collector/`
}

t.test('each request is a span with its route, status and steps, exported by the end', async t => {
  const exports: Export[] = []
  const endpoint = await receive(t, exports)
  const tracing = startTracing(endpoint, '1.2.3', silent)
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4000 }, undefined, { tracing })
  const port = Number(new URL(await app.listen({ port: 0 })).port)

  const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
  await app.inject({
    url: `${split}/batches?seed=1&secret=no`, headers: { traceparent: `00-${parent.traceId}-${parent.spanId}-01` }
  })
  await app.inject({ url: `${split}/batches?seed=1`, headers: { 'accept-encoding': 'gzip' } })
  await app.inject('/nowhere')
  for (const path of ['/healthz', '/readyz', '/metrics']) await app.inject(path)
  const request = get({ port, path: `${split}/batches?batch_size=4000&format=npz` })
  const [large] = await once(request, 'response') as [IncomingMessage]
  large.on('error', () => {})
  request.destroy()
  await app.close()

  const spans = exports.flatMap(({ resourceSpans }) => resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans).flatMap(({ spans }) => spans)
  const route = '/v1/datasets/:dataset/splits/:split/batches'
  const [invalid, batch, unknown, aborted] = spans
  t.equal(spans.length, 4, 'one for each request but probes and metrics')
  t.match(invalid, { name: `GET ${route}`, kind: 2, traceId: parent.traceId, parentSpanId: parent.spanId })
  t.match(attributesOf(invalid!.attributes), { 'http.response.status_code': 400, 'url.path': `${split}/batches` })
  t.match(attributesOf(batch!.attributes), {
    'http.request.method': 'GET', 'http.route': route, 'http.response.status_code': 200, 'mnist.compress_ms': Number
  })
  t.match([unknown!.name, attributesOf(unknown!.attributes)['http.response.status_code']], ['GET', 404])
  t.match([aborted!.status.code, attributesOf(aborted!.attributes)['error.type']], [2, 'aborted'])
  const resource = attributesOf(exports[0]!.resourceSpans[0]!.resource.attributes)
  t.match(resource, { 'service.name': 'mnist-batch-server', 'service.version': '1.2.3' })
  t.notMatch(JSON.stringify(exports), 'secret')
})

t.test('no span has an API key that a client has put into an address', async t => {
  const exports: Export[] = []
  const endpoint = await receive(t, exports)
  const key = 'correct-horse'
  const file = join(t.testdir({ keys: `trainer:${createHash('sha256').update(key).digest('hex')}\n` }), 'keys')
  const tracing = startTracing(endpoint, '1.2.3', silent)
  const { app } = await appOver(t, [dataset], {}, await ApiKeys.read(file), { tracing })
  const paths = [
    `/${key}/v1`, `/v1/datasets/${key}`, `/v1/datasets/made-up/splits/${key}`, `${split}/samples/${key}`,
    `${split}/batches?seed=${key}`, `/v1/datasets?key=${key}`
  ]
  const headers = { authorization: `Bearer ${key}` }
  for (const path of paths) t.match((await app.inject({ url: path, headers })).statusCode, /40[04]/)
  await app.close()
  const spans = exports.flatMap(({ resourceSpans }) => resourceSpans).flatMap(({ scopeSpans }) => scopeSpans)
  t.equal(spans.flatMap(({ spans }) => spans).length, paths.length)
  t.notMatch(JSON.stringify(exports), key)
})

t.test('a collector that is down affects no response, and is logged once, as is its return', async t => {
  let isUp = false
  const collector = createServer((_request, response) => {
    response.writeHead(isUp ? 200 : 404, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  t.teardown(() => collector.close())
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  const lines: string[] = []
  let notify = (): void => {}
  const add = (message: unknown): void => {
    lines.push(String(message))
    notify()
  }
  const tracing = startTracing(`http://127.0.0.1:${port}`, '1.2.3', { info: add, warn: add })
  const { app } = await appOver(t, [dataset], {}, undefined, { tracing })
  /** A full batch is exported at once. */
  const exportBatch = async (): Promise<void> => {
    const received = once(collector, 'request')
    for (let i = 0; i < 512; i++) t.equal((await app.inject(split)).statusCode, 200)
    await received
  }
  const logged = new Promise<void>(resolve => { notify = resolve })
  await exportBatch()
  await logged
  await exportBatch()
  isUp = true
  const returned = new Promise<void>(resolve => { notify = resolve })
  await exportBatch()
  await returned
  t.match(lines, [
    /^traces cannot be exported: .+; spans lost so far: 512$/,
    /^traces are exported again; spans lost: 1024$/
  ])
  t.equal(lines.length, 2)
  await t.resolves(app.close())
})

t.test('a collector that cannot be reached does not delay the end', async t => {
  const unreachable = createServer().listen(0, '127.0.0.1')
  await once(unreachable, 'listening')
  const { port } = unreachable.address() as AddressInfo
  unreachable.close()
  const lines: string[] = []
  const warn = (line: unknown): void => { lines.push(String(line)) }
  const tracing = startTracing(`http://127.0.0.1:${port}`, '1.2.3', { ...silent, warn })
  const { app } = await appOver(t, [dataset], {}, undefined, { tracing })
  t.equal((await app.inject(split)).statusCode, 200)
  await t.resolves(app.close())
  t.match(lines, [/^traces cannot be exported: .+; spans lost so far: 1$/])
  t.notMatch(lines[0], String(port))
})
