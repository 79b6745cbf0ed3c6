import { once } from 'node:events'
import { get, request as sendRequest, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { ApiKeys } from '../../../src/http/plugins/api-keys.ts'
import { listenForMetrics } from '../../../src/http/routes/metrics.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'
import { root } from '../../fixtures/root.ts'

const dataset = prepared({ train: 4000, val: 5, test: 20 }, { rows: 28, columns: 28 })
const split = '/v1/datasets/made-up/splits/train'
const route = '/v1/datasets/:dataset/splits/:split/batches'

/** Of the tests that count from zero first, and of those after them. */
const counted = await appOver(t, [dataset], { maxBatchSize: 4000 })
// Threads would start only to augment a batch.
const served = await appOver(t, [dataset], { maxBatchSize: 4000, threads: 0 })

/** The values of a metric, by its labels as the text has them. */
function valuesOf (exposition: string, name: string): Record<string, number> {
  const lines = exposition.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)
  const own = [...lines].filter(([, found]) => found === name)
  return Object.fromEntries(own.map(([, , labels = '', value]) => [labels, Number(value)]))
}

type App = Awaited<ReturnType<typeof appOver>>['app']

async function scrape (app: App): Promise<string> {
  const { statusCode, headers, body } = await app.inject('/metrics')
  t.match([statusCode, headers['content-type'], headers['cache-control']], [200, /^text\/plain; version=0/, 'no-store'])
  return body
}

t.test('requests are counted by method, route and status, whoever answers them', async t => {
  const { app } = counted
  const etag = (await app.inject(`${split}/batches`)).headers.etag
  await app.inject(`${split}/batches?page=1`)
  await app.inject({ url: `${split}/batches`, headers: { 'if-none-match': String(etag) } })
  await app.inject({ url: `${split}/batches`, method: 'HEAD' })
  for (const url of ['/a', '/b?c', `${split}/x`]) await app.inject(url)
  for (const method of ['PUT', 'PATCH', 'DELETE'] as const) await app.inject({ url: '/a', method })
  await app.inject(`/v1/datasets/${'a'.repeat(2000)}`)
  const body = await scrape(app)
  t.match(valuesOf(body, 'http_request_duration_seconds_count'), {
    [`method="GET",route="${route}",status_code="200"`]: 2,
    [`method="GET",route="${route}",status_code="304"`]: 1,
    [`method="HEAD",route="${route}",status_code="200"`]: 1,
    'method="GET",route="unknown",status_code="404"': 3,
    'method="GET",route="unknown",status_code="414"': 1,
    'method="other",route="unknown",status_code="404"': 3
  })
  const buckets = valuesOf(body, 'http_request_duration_seconds_bucket')
  t.equal(buckets[`method="GET",route="${route}",status_code="200",le="+Inf"`], 2)
  t.same(valuesOf(body, 'http_requests_in_flight'), { '': 1 }, 'only this one')
})

t.test('samples are counted by dataset, split and format, once for each response that has them', async t => {
  const { app } = await appOver(t, [dataset], { maxBatchSize: 4000 })
  const headers = { 'accept-encoding': 'gzip' }
  for (const url of ['batches?batch_size=100', 'batches?batch_size=100&format=npz', 'samples/3', 'stream?page=30']) {
    const response = await app.inject({ url: `${split}/${url}`, headers })
    t.equal(response.statusCode, 200)
    await app.inject({ url: `${split}/${url}`, method: 'HEAD' })
    const { etag } = response.headers
    const unchanged = { ...headers, 'if-none-match': String(etag) }
    t.equal((await app.inject({ url: `${split}/${url}`, headers: unchanged })).statusCode, 304)
  }
  await app.inject({ url: `${split}/batches?batch_size=100`, headers })
  await app.inject({ url: `${split}/gather?format=npz`, method: 'POST', payload: { ids: [1, 2, 3] } })
  await app.inject(`${split}/thumbnails?ids=1,2`)
  const body = await scrape(app)
  const samples = Object.entries(valuesOf(body, 'batch_server_samples_served_total')).filter(([, value]) => value > 0)
  t.same(Object.fromEntries(samples), {
    'dataset="made-up",split="train",format="json"': 201,
    'dataset="made-up",split="train",format="npz"': 103,
    'dataset="made-up",split="train",format="ndjson"': 160,
    'dataset="made-up",split="train",format="png"': 2
  })
  t.same(valuesOf(body, 'batch_server_cache_hits_total'), { 'cache="compressed"': 1, 'cache="orders"': 0 })
  t.same(valuesOf(body, 'batch_server_cache_misses_total'), { 'cache="compressed"': 1, 'cache="orders"': 0 })
})

t.test('steps, work, datasets and the process are described', async t => {
  const { app } = served
  await app.inject(`${split}/batches?batch_size=512&seed=1&augment=rotate:10`)
  await app.inject({ url: `${split}/batches?seed=1`, headers: { 'accept-encoding': 'br' } })
  const body = await scrape(app)
  const steps = valuesOf(body, 'batch_server_step_duration_seconds_count')
  t.match(steps, { 'step="order"': 2, 'step="augment"': 1, 'step="encode"': Number, 'step="compress"': 1 })
  t.same(valuesOf(body, 'batch_server_cache_hits_total')['cache="orders"'], 1)
  t.match(valuesOf(body, 'batch_server_dataset_state'), {
    'dataset="made-up",state="ready"': 1, 'dataset="made-up",state="loading"': 0, 'dataset="made-up",state="failed"': 0
  })
  t.same(valuesOf(body, 'batch_server_dataset_info'), { [`dataset="made-up",version="${dataset.version}"`]: 1 })
  t.same(Object.values(valuesOf(body, 'batch_server_build_info')), [1])
  for (const name of [
    'batch_server_work_running', 'batch_server_work_queued', 'batch_server_work_bytes', 'batch_server_work_limit_bytes',
    'batch_server_work_rejected_total', 'batch_server_work_reclaimed_total', 'batch_server_compressor_bytes',
    'batch_server_compute_crashes_total', 'http_bodies_in_flight', 'http_stalled_readers',
    'http_malformed_requests_total', 'http_connections', 'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds'
  ]) t.equal(Object.keys(valuesOf(body, name)).length, 1, name)
})

t.test('counters whose labels are known are zero from the start, so that a rate sees the first error', async t => {
  const { app } = await appOver(t, [dataset], { threads: 0 })
  const body = await scrape(app)
  const paths = Object.keys((app.swagger() as { paths: object }).paths).filter(path => path.startsWith('/v1/'))
  const zero: Array<[name: string, labels: string]> = paths.flatMap(path => {
    const method = path.endsWith('/gather') ? 'POST' : 'GET'
    return [200, 500, 503].flatMap(status => [
      'http_request_duration_seconds_count', 'http_response_bytes_total', 'http_responses_aborted_total'
    ].map((name): [string, string] => {
      return [name, `method="${method}",route="${path.replaceAll(/\{(\w+)\}/g, ':$1')}",status_code="${status}"`]
    }))
  })
  for (const step of ['queue', 'order', 'augment', 'encode', 'compress']) {
    zero.push(['batch_server_step_duration_seconds_count', `step="${step}"`])
  }
  for (const format of ['json', 'npz', 'safetensors', 'arrow', 'ndjson', 'png']) {
    zero.push(['batch_server_samples_served_total', `dataset="made-up",split="val",format="${format}"`])
  }
  zero.push(
    ['http_malformed_requests_total', ''],
    ['batch_server_work_rejected_total', ''],
    ['batch_server_compute_crashes_total', '']
  )
  t.ok(paths.length > 10)
  for (const [name, labels] of zero) t.equal(valuesOf(body, name)[labels], 0, `${name}{${labels}}`)
})

t.test('every metric has a help text and a type, and no label repeats what a client sent', async t => {
  const { app } = counted
  const series = async () => Object.keys(valuesOf(await scrape(app), 'http_request_duration_seconds_count')).length
  const send = async (n: number) => {
    await app.inject(`/v1/datasets/secret-${n}?secret=1`)
    await app.inject(`/v1/datasets/made-up/splits/secret-${n}`)
    await app.inject(`/secret-${n}`)
  }
  await send(0)
  await scrape(app)
  const before = await series()
  for (let n = 1; n < 20; n++) await send(n)
  t.equal(await series(), before)
  const body = await scrape(app)
  t.notMatch(body, 'secret')
  const names = [...body.matchAll(/^# TYPE (\w+) (?:counter|gauge|histogram|summary)$/gm)].map(([, name]) => name)
  t.ok(names.length > 40)
  t.same([...body.matchAll(/^# HELP (\w+) \S/gm)].map(([, name]) => name), names)
})

t.test('bytes, disconnects, stalled readers and malformed requests are counted', async t => {
  const { app } = served
  const port = Number(new URL(await app.listen({ port: 0 })).port)
  const [small] = await once(get({ port, path: `${split}/batches?batch_size=8` }), 'response') as [IncomingMessage]
  await text(small)
  const bodies = new Map<string, number>()
  for (const [name, ids] of [['gather', '{"ids":[1,2,3]}'], ['stream', undefined]] as const) {
    const sent = sendRequest({
      port,
      path: `${split}/${name}${ids ? '' : '?page=30'}`,
      ...(ids && { method: 'POST', headers: { 'content-type': 'application/json' } })
    })
    const [response] = await once(sent.end(ids), 'response') as [IncomingMessage]
    t.equal(response.statusCode, 200)
    bodies.set(name, (await text(response)).length)
  }
  const wrong = connect(port)
  wrong.end('nonsense\r\n\r\n')
  await text(wrong)
  const request = get({ port, path: `${split}/batches?batch_size=4000&format=npz` })
  const [large] = await once(request, 'response') as [IncomingMessage]
  large.on('error', () => {})
  const { metrics } = app
  while (metrics.bodiesInFlight === 0) await nextTurn()
  while (metrics.stalled === 0) {
    metrics.checkStalls()
    await nextTurn()
  }
  const before = await scrape(app)
  t.match(valuesOf(before, 'http_stalled_readers'), { '': 1 })
  request.destroy()
  while (metrics.inFlight > 0) await nextTurn()
  metrics.checkStalls()
  t.equal(metrics.stalled, 0)
  const body = await scrape(app)
  const labels = `method="GET",route="${route}",status_code="200"`
  const [aborted, abortedBefore] = [body, before].map(text => {
    return valuesOf(text, 'http_responses_aborted_total')[labels] ?? 0
  })
  t.equal(aborted! - abortedBefore!, 1)
  t.ok(valuesOf(body, 'http_response_bytes_total')[labels]! > Number(small.headers['content-length']))
  t.same(valuesOf(body, 'http_connections_refused_total'), { 'limit="total"': 0, 'limit="address"': 0 })
  t.same(valuesOf(body, 'http_malformed_requests_total'), { '': 1 })
  for (const [name, length] of bodies) {
    const method = name === 'gather' ? 'POST' : 'GET'
    const labels = `method="${method}",route="/v1/datasets/:dataset/splits/:split/${name}",status_code="200"`
    t.equal(valuesOf(body, 'http_request_duration_seconds_count')[labels], 1)
    t.ok(valuesOf(body, 'http_request_duration_seconds_sum')[labels]! > 0)
    t.ok(valuesOf(body, 'http_response_bytes_total')[labels]! > length)
  }
})

t.test('rules and the dashboard read only metrics that the server or the cache exports', async t => {
  const read = (file: string): Promise<string> => readFile(new URL(`deploy/${file}`, root), 'utf8')
  const cache = await read('kubernetes/cache/cache.conf')
  const typed = `${await scrape(served.app)}${cache}`.matchAll(/^# TYPE (\w+) (\w+)/gm)
  const exported = new Set([...typed].flatMap(([, name, type]) => {
    return type === 'histogram' || type === 'summary' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  }))
  // Only with HTTPS.
  exported.add('batch_server_certificate_expiry_timestamp_seconds')
  for (const file of ['alerts.yml', 'recording-rules.yml', 'dashboard.json']) {
    const text = await read(`monitoring/${file}`)
    const names = text.match(/(?<![:\w])(?:batch_server|http|nginx|nodejs|process)_\w+(?!\w*:)/g)!
    t.same(names.filter(name => !exported.has(name)), [], file)
  }
})

t.test('with keys, the metrics need one', async t => {
  const folder = t.testdir({ keys: `a:${createHash('sha256').update('key').digest('hex')}` })
  const { app } = await appOver(t, [dataset], {}, await ApiKeys.read(join(folder, 'keys')))
  t.equal((await app.inject('/metrics')).statusCode, 401)
  t.equal((await app.inject({ url: '/metrics', headers: { authorization: 'Bearer key' } })).statusCode, 200)
})

t.test('on a port of their own, the metrics are all there is, and they are nowhere else', async t => {
  const folder = t.testdir({ keys: '' })
  const { app } = await appOver(t, [dataset], { metricsPort: 0 }, await ApiKeys.read(join(folder, 'keys')))
  t.equal((await app.inject('/metrics')).statusCode, 401)
  await app.ready()
  await listenForMetrics(app, '127.0.0.1', 0)
  const { port } = app.metricsServer!.address() as AddressInfo
  const request = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
    return [response.status, await response.text()] as const
  }
  t.match(await request('/metrics'), [200, /batch_server_build_info/])
  t.match(await request('/v1/datasets'), [404, /only \/metrics/])
  t.match(await request('/metrics', 'POST'), [405, /read/])
  await app.close()
  await t.rejects(request('/metrics'))
})
