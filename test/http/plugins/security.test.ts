import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })
const url = '/v1/datasets/made-up/splits/train/batches'

function from (origin: string) {
  return { url, headers: { origin } }
}

t.test('browsers of all origins may read responses and their headers by default', async t => {
  const { app } = await appOver(t, [dataset])
  const { headers } = await app.inject(from('https://a.example'))
  t.equal(headers['access-control-allow-origin'], '*')
  t.equal(headers['cross-origin-resource-policy'], 'cross-origin')
  const exposed = String(headers['access-control-expose-headers']).split(', ')
  const batchHeaders = Object.keys(headers).filter(name => name.startsWith('batch-'))
  for (const name of ['link', 'etag', ...batchHeaders]) t.ok(exposed.includes(name), `${name} is exposed`)
  t.equal(headers['vary'], 'Accept, Accept-Encoding')
})

t.test('a preflight request allows the methods and the requested headers', async t => {
  const { app } = await appOver(t, [dataset])
  const response = await app.inject({
    method: 'OPTIONS',
    url,
    headers: {
      origin: 'https://a.example',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'if-none-match'
    }
  })
  t.equal(response.statusCode, 204)
  t.match(response.headers, {
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers': 'if-none-match'
  })
})

t.test('an incomplete preflight request is a problem', async t => {
  const { app } = await appOver(t, [dataset])
  const cases = [
    { origin: 'https://a.example' },
    { origin: 'https://a.example', 'access-control-request-method': '' },
    { 'access-control-request-method': 'GET' }
  ]
  for (const headers of cases) {
    const response = await app.inject({ method: 'OPTIONS', url, headers })
    t.equal(response.headers['content-type'], 'application/problem+json')
    t.match(response.json(), { status: 400, code: 'bad_request', detail: /^a preflight request must have/ })
  }
})

t.test('allowed origins may read from a private network', async t => {
  const { app } = await appOver(t, [dataset])
  const { app: restricted } = await appOver(t, [dataset], { corsOrigins: ['https://a.example'] })
  const preflight = async (target: typeof app, origin: string, isPrivate: boolean) => {
    const asked = isPrivate && { 'access-control-request-private-network': 'true' }
    const headers = { origin, 'access-control-request-method': 'GET', ...asked }
    const response = await target.inject({ method: 'OPTIONS', url, headers })
    t.equal(response.statusCode, 204)
    return response.headers['access-control-allow-private-network']
  }
  t.equal(await preflight(app, 'https://a.example', true), 'true')
  t.equal(await preflight(app, 'https://a.example', false), undefined)
  t.equal(await preflight(restricted, 'https://a.example', true), 'true')
  t.equal(await preflight(restricted, 'https://b.example', true), undefined)
})

t.test('only the configured origins are allowed, and responses vary by origin', async t => {
  const { app } = await appOver(t, [dataset], { corsOrigins: ['https://a.example', 'https://b.example'] })
  const allowed = await app.inject(from('https://b.example'))
  t.equal(allowed.headers['access-control-allow-origin'], 'https://b.example')
  t.equal(allowed.headers['vary'], 'Origin, Accept, Accept-Encoding')
  t.equal((await app.inject(from('https://c.example'))).headers['access-control-allow-origin'], undefined)
})

t.test('without configured origins, no other origin is allowed', async t => {
  const { app } = await appOver(t, [dataset], { corsOrigins: [] })
  const { headers } = await app.inject(from('https://a.example'))
  t.equal(headers['access-control-allow-origin'], undefined)
  t.equal(headers['cross-origin-resource-policy'], 'same-origin')
})

t.test('every response has security headers', async t => {
  const { app } = await appOver(t, [dataset])
  const { headers } = await app.inject('/healthz')
  t.equal(headers['x-content-type-options'], 'nosniff')
  t.equal(headers['cross-origin-resource-policy'], 'cross-origin')
})
