import { pathToFileURL } from 'node:url'
import t from 'tap'
import { withoutBasePath } from '../../../src/http/server/base-path.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 5, test: 5 })
const basePath = '/data/mnist'
const explorer = t.testdir({ 'index.html': '<!doctype html>', assets: { 'page.js': '0' } })
const options = { explorer: pathToFileURL(`${explorer}/`) }
const { app, log } = await appOver(t, [dataset], { basePath }, undefined, options)
const batches = '/v1/datasets/made-up/splits/train/batches?batch_size=8'

t.test('the base path is removed where a target has it', async t => {
  for (const [target, expected] of [
    ['/data/mnist/v1/datasets?a=/data/mnist', '/v1/datasets?a=/data/mnist'],
    ['/data/mnist', '/'],
    ['/data/mnist/', '/'],
    ['/data/mnist?x=1', '/?x=1'],
    ['/data/mnistery', '/data/mnistery'],
    ['/data', '/data'],
    ['/v1/datasets', '/v1/datasets'],
    ['http://example.org/data/mnist/docs', 'http://example.org/docs'],
    ['*', '*']
  ] as const) t.equal(withoutBasePath(target, basePath), expected, target)
  t.equal(withoutBasePath('/docs', ''), '/docs')
})

t.test('every route is served below the base path, whether a proxy removes it or not', async t => {
  const paths = ['/', '/healthz', '/readyz', '/v1/datasets', batches, '/openapi.json', '/docs/', '/assets/page.js']
  for (const path of paths) {
    const responses = await Promise.all([basePath + path, path].map(url => app.inject(url)))
    t.same(responses.map(({ statusCode }) => statusCode), [200, 200], path)
    t.equal(responses[0]!.body, responses[1]!.body, path)
  }
  t.ok(log.some(entry => 'url' in entry && entry.url === basePath + batches), 'the log has the whole address')
  t.equal((await app.inject('/data/other')).statusCode, 404)
  const unknown = await app.inject({ url: `${basePath}/v1/datasets`, method: 'DELETE' })
  t.match([unknown.statusCode, unknown.headers['allow']], [405, 'GET, HEAD, OPTIONS'])
})

t.test('every address that a response has leads below the base path', async t => {
  const { links } = (await app.inject(basePath)).json()
  for (const link of Object.values(links)) t.match(link, /^\/data\/mnist\/\w/)
  const [link] = String((await app.inject(basePath + batches)).headers.link).split(', ')
  t.equal(link, `<${basePath}${batches}&page=0>; rel="first"`)
  t.equal((await app.inject(`${basePath}/v1/datasets`)).json().datasets[0].url, `${basePath}/v1/datasets/made-up`)
  t.equal((await app.inject(`${basePath}/openapi.json`)).json().servers[0].url, basePath)
  const croissant = await app.inject(`${basePath}/v1/datasets/made-up/croissant`)
  t.match(croissant.body, `http://localhost:80${basePath}/v1/datasets/made-up/`)
  t.notMatch(croissant.body, 'localhost:80/v1/')
  const moved = await app.inject(`${basePath}/docs/static/index.html`)
  t.equal(moved.headers.location, `${basePath}/docs/`)
})

t.test('the page redirects browsers to the base path with a slash, below which its assets are', async t => {
  const headers = { accept: 'text/html' }
  const moved = await app.inject({ url: basePath, headers })
  t.match([moved.statusCode, moved.headers.location], [308, `${basePath}/`])
  t.equal((await app.inject({ url: `${basePath}/`, headers })).body, '<!doctype html>')
})
