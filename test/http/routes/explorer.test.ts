import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { ApiKeys } from '../../../src/http/plugins/api-keys.ts'
import { appOver } from '../../fixtures/app.ts'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'
const html = '<!doctype html><title>Explorer</title>'

/** An app whose page consists of these files. */
async function appWith (t: Test, files: Parameters<Test['testdir']>[0]) {
  return await appOver(t, [], {}, undefined, { explorer: pathToFileURL(`${t.testdir(files)}/`) })
}

t.test('the root is JSON for clients that prefer no HTML', async t => {
  const { app } = await appWith(t, { 'index.html': html, assets: {} })
  for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/html;q=0.9']) {
    const { headers, ...response } = await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } })
    t.match(headers, { 'content-type': 'application/json; charset=utf-8', vary: 'Accept', 'cache-control': 'no-store' })
    t.match(response.json(), { name: 'mnist-batch-server', version: /^\d+\.\d+/, links: { datasets: '/v1/datasets' } })
    for (const path of Object.values<string>(response.json().links)) {
      t.not((await app.inject(path)).statusCode, 404, path)
    }
  }
})

t.test('the root is the page for browsers, whatever the query, under a policy without inline code', async t => {
  const { app } = await appWith(t, { 'index.html': html, assets: {} })
  const page = await app.inject({ url: '/?view=map&x=1', headers: { accept: BROWSER } })
  t.equal(page.body, html)
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', vary: 'Accept', 'cache-control': 'no-cache' })
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.notMatch(policy, /unsafe|\*|https?:|data:/)
  const again = await app.inject({ url: '/', headers: { accept: BROWSER, 'if-none-match': page.headers.etag! } })
  t.equal(again.statusCode, 304)
})

t.test('assets are immutable, and compressed in advance', async t => {
  const files = { 'index.html': html, assets: { 'index-1234.js': 'first()', 'index-1234.js.br': 'compressed' } }
  const { app } = await appWith(t, files)
  const plain = await app.inject('/assets/index-1234.js')
  t.equal(plain.body, 'first()')
  t.match(plain.headers, { 'cache-control': 'public, max-age=31536000, immutable' })
  const compressed = await app.inject({ url: '/assets/index-1234.js', headers: { 'accept-encoding': 'gzip, br' } })
  t.match(compressed.headers, { 'content-encoding': 'br', 'content-type': /javascript/ })
  t.equal(compressed.body, 'compressed')
  for (const path of ['/assets/missing.js', '/assets/', '/assets/../index.html', '/assets/%2e%2e/index.html']) {
    const { statusCode, headers } = await app.inject(path)
    t.ok([403, 404].includes(statusCode), `${path}: ${statusCode}`)
    t.match(headers, { 'content-type': 'application/problem+json' }, path)
  }
})

t.test('without a built page, browsers get JSON, too', async t => {
  for (const options of [{}, { explorer: pathToFileURL(`${t.testdir({})}/`) }]) {
    const { app } = await appOver(t, [], {}, undefined, options)
    const response = await app.inject({ url: '/', headers: { accept: BROWSER } })
    t.equal(response.json().name, 'mnist-batch-server')
    t.equal((await app.inject('/assets/index.js')).statusCode, 404)
  }
})

t.test('needs no key, so that the page can ask for one', async t => {
  const hash = createHash('sha256').update('secret').digest('hex')
  const folder = t.testdir({ keys: `tester:${hash}`, 'index.html': html, assets: { 'a-1.js': '' } })
  const apiKeys = await ApiKeys.read(join(folder, 'keys'))
  const { app } = await appOver(t, [], {}, apiKeys, { explorer: pathToFileURL(`${folder}/`) })
  for (const url of ['/', '/assets/a-1.js']) t.equal((await app.inject(url)).statusCode, 200, url)
  t.equal((await app.inject('/v1/datasets')).statusCode, 401)
})
