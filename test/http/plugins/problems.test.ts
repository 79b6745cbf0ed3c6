import { once } from 'node:events'
import { METHODS, request } from 'node:http'
import { json, text } from 'node:stream/consumers'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })

t.test('an unexpected error reveals no internals to the client, and is logged in full', async t => {
  const { app, registry, log } = await appOver(t, [dataset])
  registry.state = () => { throw new TypeError('secret of /srv/app') }
  const response = await app.inject({ url: '/v1/datasets/made-up', headers: { 'x-request-id': 'abc' } })
  t.equal(response.statusCode, 500)
  t.match(response.json(), { code: 'internal', request_id: 'abc' })
  t.notMatch(response.body, /secret|TypeError|\.ts/)
  t.match(log, [
    { msg: 'unexpected error', reqId: 'abc', err: { message: 'secret of /srv/app' } },
    { msg: 'request', status: 500 }
  ])
})

t.test('unknown routes are 404', async t => {
  const { app } = await appOver(t, [dataset])
  const url = '/v1/datasets/made-up/splits/train/batches'
  const response = await app.inject(`${url}/`)
  t.equal(response.statusCode, 404)
  t.match(response.json(), {
    type: 'urn:mnist-batch-server:problem:unknown_route',
    status: 404,
    code: 'unknown_route',
    detail: `there is no GET ${url}/`
  })
  t.equal(response.headers['cache-control'], 'no-store')
  t.match((await app.inject('//v1//datasets')).json(), { code: 'unknown_route' })
  t.match((await app.inject('/docs/static/nothing.js')).json(), { code: 'unknown_route' })
})

const batches = '/v1/datasets/made-up/splits/train/batches'
const gather = '/v1/datasets/made-up/splits/train/gather'

t.test('other methods of a resource are 405, with those that it supports', async t => {
  const { app } = await appOver(t, [dataset])
  const { port } = new URL(await app.listen({ port: 0 }))
  const resources = [[batches, 'GET, HEAD, OPTIONS'], [gather, 'OPTIONS, POST'], ['/docs/', 'GET, HEAD, OPTIONS']]
  for (const [path, allow] of resources) {
    const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'M-SEARCH', 'PURGE', 'QUERY']
    for (const method of methods.filter(method => !allow!.includes(method) && METHODS.includes(method))) {
      for (const headers of [{}, { 'content-type': 'text/plain', 'content-length': 2 }]) {
        const [response] = await once(request({ port, path, method, headers }).end('hi'), 'response')
        t.match([response.statusCode, response.headers.allow], [405, allow], `${method} ${path}`)
        t.match(await json(response), {
          status: 405,
          code: 'method_not_allowed',
          detail: `${path} does not support ${method}; it supports ${allow}`
        })
      }
    }
  }
  const propfind = await once(request({ port, path: '/nowhere', method: 'PROPFIND' }).end(), 'response')
  t.match(await json(propfind[0]), { status: 404, code: 'unknown_route' })
})

t.test('OPTIONS lists the methods of a resource or of all', async t => {
  const { app } = await appOver(t, [dataset])
  const { port } = new URL(await app.listen({ port: 0 }))
  for (const [path, allow] of [[batches, 'GET, HEAD, OPTIONS'], ['*', 'GET, HEAD, OPTIONS, POST']]) {
    const [response] = await once(request({ port, path: path!, method: 'OPTIONS' }).end(), 'response')
    t.match([response.statusCode, response.headers.allow], [204, allow])
    t.equal(await text(response), '')
  }
  const response = await app.inject({ method: 'OPTIONS', url: '/nowhere' })
  t.match(response.json(), { status: 404, code: 'unknown_route' })
})

t.test('paths that cannot be routed are problems with the headers of all responses', async t => {
  const { app } = await appOver(t, [dataset])
  const cases: Array<[url: string, status: number, detail: RegExp]> = [
    [`/v1/datasets/${'x'.repeat(766)}`, 414, /^a segment of the path is longer than 765 characters/],
    ['/v1/datasets/%zz', 400, /^the path is invalid: '\/v1\/datasets\/%zz'/],
    [`/${'x'.repeat(5000)}/%c3`, 400, /^the path is invalid: '\/x{59}…'/]
  ]
  for (const [url, status, detail] of cases) {
    const { headers, statusCode, body } = await app.inject(url)
    t.equal(statusCode, status)
    t.match(JSON.parse(body), { status, detail })
    t.match(headers, {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
      'x-request-id': String
    })
  }
})

t.test('an unknown expectation and a missing Host are problems', async t => {
  const { app } = await appOver(t, [dataset])
  const { port } = new URL(await app.listen({ port: 0 }))
  const ask = async (headers: Record<string, string>, setHost = true) => {
    const [response] = await once(request({ port, path: '/healthz', headers, setHost }).end(), 'response')
    t.equal(response.headers['content-type'], 'application/problem+json')
    return await json(response)
  }
  t.match(await ask({ expect: 'tea' }), { status: 417, code: 'expectation_failed', detail: /100-continue, got 'tea'$/ })
  t.match(await ask({}, false), { status: 400, code: 'bad_request', detail: /Host$/ })
  const headers = { expect: '100-continue' }
  const [response] = await once(request({ port, path: '/healthz', headers }).end(), 'response')
  t.equal(response.statusCode, 200)
  response.resume()
})

t.test('a problem repeats only the start of long texts', async t => {
  const { app } = await appOver(t, [dataset])
  const long = 'x'.repeat(10_000)
  const requests: InjectOptions[] = [
    { url: `/${long}` },
    { url: `${batches}?page=${long}` },
    { url: `${batches}?${long}=1` },
    { url: `${batches}?version=${long}` },
    { url: `${batches}?augment=${long}` },
    { url: `${batches}?augment=${long}:1` },
    { url: `${batches}?augment=rotate:${long}` },
    { url: batches, headers: { accept: `text/${long}` } },
    { url: gather, method: 'POST', headers: { 'content-type': `text/${long}` }, payload: 'x' },
    { url: gather, method: 'POST', headers: { 'content-encoding': long }, payload: { ids: [1] } },
    { url: gather, method: 'POST', payload: { [long.slice(0, 2000)]: 1 } },
    { url: batches, headers: { expect: long } }
  ]
  for (const options of requests) {
    const { statusCode, body } = await app.inject(options)
    t.ok(statusCode >= 400 && statusCode < 500)
    t.ok(body.length < 1500, `${body.length} bytes: ${body.slice(0, 100)}`)
    t.match(body, /x{20}.*…/)
  }
})

t.test('an error after the headers of a representation were set has none of them', async t => {
  const { app, log } = await appOver(t, [{
    ...dataset,
    get version () { return 'ü☃' }
  }])
  const response = await app.inject({ url: '/v1/datasets/made-up' })
  t.equal(response.statusCode, 500)
  t.match(response.json(), { code: 'internal' })
  t.equal(response.headers['etag'], undefined)
  t.equal(Number(response.headers['content-length']), response.rawPayload.length)
  t.equal(log[0]!.msg, 'unexpected error')
})
