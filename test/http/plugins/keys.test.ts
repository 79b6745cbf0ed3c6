import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { ApiKeys } from '../../../src/http/plugins/api-keys.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 5, test: 5 })
const split = '/v1/datasets/made-up/splits/train'
const authorization = 'Bearer correct-horse'

function lineOf (name: string, key: string): string {
  return `${name}:${createHash('sha256').update(key).digest('hex')}\n`
}

async function keysOf (t: Test, content: string): Promise<{ keys: ApiKeys, file: string }> {
  const file = join(t.testdir({}), 'keys')
  await writeFile(file, content)
  return { keys: await ApiKeys.read(file), file }
}

const origin = 'https://example.org'
const shared = await (async () => {
  const { keys } = await keysOf(t, lineOf('trainer', 'correct-horse'))
  return { keys, ...await appOver(t, [dataset], { corsOrigins: [origin] }, keys) }
})()

/** Every route with parameters that exist, and paths that do not. */
async function targets (app: Awaited<ReturnType<typeof appOver>>['app']): Promise<string[]> {
  await app.ready()
  const values: Record<string, string> = { dataset: 'made-up', split: 'train', id: '3', file: 'x.gz' }
  const paths = Object.keys((app.swagger() as { paths: object }).paths)
  const known = paths.map(path => path.replaceAll(/\{(\w+)\}/g, (_, name) => values[name]!))
  return [...known, '/docs', '/openapi.json', '/nowhere']
}

const withoutKey = [{}, { 'if-none-match': '*' }, { authorization: 'Bearer wrong' }, { authorization: 'x' }]

t.test('with keys, only probes and the page are answered without one: cold, repeated, HEAD or conditional', async t => {
  const { app } = shared
  const paths = await targets(app)
  t.ok(paths.length > 12)
  const isPublic = (path: string): boolean => ['/', '/healthz', '/readyz'].includes(path)
  for (const path of paths) {
    for (const visit of ['cold', 'warm']) {
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'] as const) {
        for (const headers of withoutKey) {
          const response = await app.inject({ url: path, method, headers })
          const { statusCode: status, headers: { 'www-authenticate': challenge } } = response
          const name = `${visit} ${method} ${path}`
          const statusOfPublic = { GET: 200, HEAD: 200, POST: 405, DELETE: 405, OPTIONS: 204 }[method]
          if (isPublic(path)) t.equal(status, statusOfPublic, name)
          else t.match([status, challenge], [401, /^Bearer realm=/], name)
        }
      }
      const { statusCode, headers: { etag } } = await app.inject({ url: path, headers: { authorization } })
      t.not(statusCode, 401)
      const unchanged = await app.inject({ url: path, headers: { 'if-none-match': etag ?? '*' } })
      if (!isPublic(path)) t.equal(unchanged.statusCode, 401, `unchanged ${path}`)
    }
  }
})

t.test('a rejected request gets a problem document with a challenge, which browsers can read', async t => {
  const { app, log } = shared
  const headers = { origin }
  const missing = await app.inject({ url: split, headers })
  t.match(missing.json(), { status: 401, code: 'unauthorized', detail: /Authorization: Bearer KEY/ })
  t.match(missing.headers, {
    'content-type': /problem\+json/,
    'www-authenticate': 'Bearer realm="mnist-batch-server"',
    'access-control-allow-origin': origin
  })
  const wrong = await app.inject({ url: split, headers: { authorization: 'Bearer battery-staple' } })
  t.equal(wrong.headers['www-authenticate'], 'Bearer realm="mnist-batch-server", error="invalid_token"')
  t.notMatch(wrong.body + JSON.stringify(log), 'battery-staple', 'no key is repeated or logged')
  const asked = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
  const preflight = await app.inject({ method: 'OPTIONS', url: split, headers: { ...headers, ...asked } })
  t.equal(preflight.statusCode, 204, 'preflights have no key')
})

t.test('the scheme may be written in any case', async t => {
  const { app } = shared
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    t.equal((await app.inject({ url: split, headers: { authorization: `${scheme} correct-horse` } })).statusCode, 200)
  }
})

t.test('responses to requests with a key are for private caches, unless others are allowed', async t => {
  const urls = [split, `${split}?version=${dataset.version}`]
  const appWith = async (cacheAuthenticated: boolean, keys?: ApiKeys) => {
    return (await appOver(t, [dataset], { cacheAuthenticated }, keys)).app
  }
  const cacheControl = async (app: typeof shared.app): Promise<unknown[]> => {
    const responses = await Promise.all(urls.map(url => app.inject({ url, headers: { authorization } })))
    return responses.map(({ headers }) => headers['cache-control'])
  }
  t.same(await cacheControl(shared.app), ['private, no-cache', 'private, max-age=31536000, immutable'])
  t.same(await cacheControl(await appWith(true, shared.keys)), ['no-cache', 'public, max-age=31536000, immutable'])
  t.same(await cacheControl(await appWith(false)), ['no-cache', 'public, max-age=31536000, immutable'])
})

t.test('keys are read again, and stay as they are if the file is invalid', async t => {
  const { keys, file } = await keysOf(t, `# of the lab\n\n${lineOf('a', 'first')}${lineOf('b', 'second')}`)
  t.same([keys.count, keys.find('first'), keys.find('second'), keys.find('third')], [2, 'a', 'b', undefined])
  await writeFile(file, lineOf('c', 'third'))
  await keys.reload()
  t.same([keys.find('first'), keys.find('third')], [undefined, 'c'])
  for (const [content, reason] of [
    ['c', 'line 1 is not of the form name:sha256'],
    [lineOf('c', 'x') + lineOf('c', 'y'), 'line 2 repeats the name c'],
    [`${lineOf('c', 'x')}white space:${'0'.repeat(64)}`, 'line 2 is not of the form']
  ]) {
    await writeFile(file, content!)
    await t.rejects(keys.reload(), { code: 'invalid_configuration', message: reason })
    t.equal(keys.find('third'), 'c')
  }
  for (const content of ['', '# nobody\n']) {
    await writeFile(file, content)
    await t.rejects(keys.reload(), { code: 'invalid_configuration', message: 'API_KEYS_FILE has no keys' })
    t.equal(keys.find('third'), 'c', 'a file that was emptied by mistake revokes no key')
  }
  await t.rejects(ApiKeys.read(join(t.testdir({}), 'missing')), { message: 'API_KEYS_FILE cannot be read' })
})

t.test('a revoked key ends the responses to its requests, and no others', async t => {
  const { keys, file } = await keysOf(t, lineOf('a', 'first') + lineOf('b', 'second') + lineOf('c', 'third'))
  const dataset = prepared({ train: 4000, val: 5, test: 5 }, { rows: 28, columns: 28 })
  const { app, log } = await appOver(t, [dataset], { maxBatchSize: 4000 }, keys)
  const { port } = new URL(await app.listen({ port: 0 }))
  const open = async (key: string, path: string): Promise<IncomingMessage> => {
    const headers = { authorization: `Bearer ${key}` }
    const [response] = await once(get({ port, path: `${split}${path}`, headers, agent: false }), 'response')
    return response
  }
  const stream = '/stream?batch_size=100&format=arrow'
  const large = '/batches?batch_size=4000&format=npz'
  const revoked = [await open('first', stream), await open('first', large), await open('second', stream)]
  const kept = await open('third', large)
  // The name of the second key has another key now.
  await writeFile(file, lineOf('b', 'fourth') + lineOf('c', 'third'))
  await keys.reload()
  for (const response of revoked) await t.rejects(buffer(response), { code: 'ECONNRESET' })
  t.equal((await buffer(kept)).length, Number(kept.headers['content-length']))
  t.equal((await open('first', '')).resume().statusCode, 401)
  t.equal((await open('fourth', '')).resume().statusCode, 200)
  const aborted = log.filter(({ msg }) => msg === 'request aborted')
  t.same(aborted.map(({ reason }) => reason), Array(3).fill('the API key was revoked'))
})

t.test('keys that clients put into addresses are in no log line', async t => {
  const generated = randomBytes(32).toString('base64url')
  const { keys } = await keysOf(t, lineOf('trainer', 'correct-horse') + lineOf('other', 'a b&c'))
  const { app, log } = await appOver(t, [dataset], {}, keys)
  const { port } = new URL(await app.listen({ port: 0 }))
  for (const key of ['correct-horse', generated, 'a%20b%26c']) {
    const urls = [
      `/${key}`, `/v1/${key}/datasets`, `/v1/datasets/${key}`, `/v1/datasets;${key}`,
      `${split}?x=${key}`, `${split}?${key}`, `/healthz?x=${key}`
    ]
    for (const url of urls) await app.inject({ url, headers: { authorization } })
    // Rejected by the HTTP parser.
    const socket = connect(Number(port), '127.0.0.1')
    socket.end(`BREW /${key} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    await buffer(socket)
    t.notMatch(JSON.stringify(log), key)
  }
  t.equal(log.filter(({ url, reason }) => (url ?? reason)?.includes('***')).length, 3 * 8)
  const url = `${split}/batches?seed=1&page=9999999`
  await app.inject({ url, headers: { authorization } })
  t.equal(log.at(-1)!.url, url, 'other addresses are logged as they are')
  await app.inject({ url: `/${'a/'.repeat(4000)}`, headers: { authorization } })
  t.match(log.at(-1)!.url, /^(\/a){63}\/…$/)
})
