/** Raw requests of every kind: valid ones, slightly invalid ones, and bytes that are hardly HTTP. */

const METHODS = [
  'GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'CONNECT',
  'PROPFIND', 'SEARCH', 'QUERY', 'PURGE', 'MKCOL', 'BREW', 'get', 'G\tT', ''
]
const JUNK = [
  '', '0', '-1', '1', '3', '255', '256', '4096', '4097', '65536', '4294967295', '4294967296', '1e3', '1.5', 'NaN',
  'null', 'true', 'train', 'mnist', 'json', '%', '%00', '%2e%2e%2f', '%ff%fe', '%F0%9F%98%80', '..', '🙂', '\u0000',
  "'", '"',
  '<b>', 'a'.repeat(300), '9'.repeat(400), '[]', '{}', 'a,b', ',', 'rotate:15', 'rotate:999', 'shift:2,shift:3',
  'elastic:',
  '__proto__', 'constructor', 'toString'
]
const HEADERS = [
  ['Accept', [
    '', '*/*', 'application/json', 'application/json; charset=utf-8', 'application/x-npz', 'image/png', 'text/html',
    'application/json;q=0', ';;;', 'a/b/c', '*/*;q=nope', 'application/vnd.apache.arrow.stream', 'x'.repeat(500)
  ]],
  ['Accept-Encoding', [
    '', 'gzip', 'br', 'zstd', 'identity;q=0', '*;q=0', 'gzip;q=0.5, br;q=2', 'deflate, compress', ',,,', 'identity'
  ]],
  ['Range', [
    'bytes=0-0', 'bytes=-1', 'bytes=5-2', 'bytes=99999999999-', 'bytes=0-1,3-4', 'bytes=', 'lines=1-2', 'bytes=a-b'
  ]],
  ['If-None-Match', ['*', '"x"', 'W/"x"', 'x', '"', ',']],
  ['If-Range', ['"x"', 'Tue, 01 Jan 2030 00:00:00 GMT', 'yesterday']],
  ['If-Modified-Since', ['Tue, 01 Jan 2030 00:00:00 GMT', 'yesterday']],
  ['Origin', ['http://localhost', 'null', 'not an origin']],
  ['Access-Control-Request-Method', ['GET', 'POST', 'BREW', '']],
  ['Access-Control-Request-Headers', ['x-any', 'authorization, content-type', '']],
  ['Access-Control-Request-Private-Network', ['true', 'false']],
  ['Expect', ['100-continue', '200-ok']],
  ['X-Request-Id', ['abc', 'x'.repeat(400), '\u00e9']],
  ['Content-Type', [
    'application/json', 'application/json; charset=utf-16', 'text/plain', 'multipart/form-data',
    'application/x-www-form-urlencoded', ';', 'json'
  ]],
  ['Content-Encoding', ['gzip', 'br', 'identity', 'x']],
  ['Transfer-Encoding', ['chunked', 'gzip, chunked', 'identity', 'x']],
  ['Content-Length', ['0', '1', '99999999999', '-1', 'x', '5, 5']],
  ['Upgrade', ['websocket', 'h2c']],
  ['Forwarded', ['for=1.2.3.4;proto=https']],
  ['X-Forwarded-Host', ['evil.example']],
  ['Host', ['', 'a b', 'evil.example', 'localhost:99999']],
  ['X-Long', ['x'.repeat(20_000)]],
  ['Bad Name', ['x']],
  ['X-Control', ['a\u0001b', 'a\rb']]
]
/** Of a server with a key: none, and headers that the key is not read from. */
const invalidAuthorizations = key => [
  undefined, '', key, 'Bearer', 'Bearer ', `Bearer ${key}x`, `Bearer ${key.slice(1)}`, `Bearer ${key} ${key}`,
  `Basic ${key}`, `bearer  ${key}`, `Bearer\t${key}`, `Bearer ${'x'.repeat(10_000)}`, 'Bearer \u00e9',
  `Bearer ${key}, x`
]
const SPLITS = ['train', 'val', 'test']
const BODIES = [
  '', '{}', '{"ids":[0,1,2]}', '{"ids":[0],"batch_size":3}', '{"ids":[-1]}', '{"ids":[99999999]}', '{"ids":[]}',
  '{"ids":"0"}', '{"ids":[1.5]}', '{"ids":[1e999]}', '{"ids":null}', '{', '[]', 'null', '"x"', '\u0000',
  '{"__proto__":{"ids":[0]},"ids":[0]}', '{"constructor":{"prototype":{"x":1}},"ids":[0]}',
  `{"ids":[${'0,'.repeat(5000)}0]}`, `${'['.repeat(5000)}${']'.repeat(5000)}`, `{"ids":[0],"${'x'.repeat(1000)}":1}`,
  'ids=0'
]

/**
 * @param document an OpenAPI document
 * @param random returns numbers from 0 to 1
 * @param key the valid key that most requests have, if the server requires one
 * @returns a function that returns the next request: its bytes, and whether it is a HEAD, or lacks its own end
 */
export function createGenerator (document, random, key) {
  const pick = list => list[Math.floor(random() * list.length)]
  const chance = share => random() < share
  const operations = Object.entries(document.paths).flatMap(([path, item]) => {
    return ['get', 'post'].filter(method => method in item).map(method => ({
      path,
      method: method.toUpperCase(),
      parameters: [...item.parameters ?? [], ...item[method].parameters ?? []]
    }))
  })
  const names = operations.flatMap(({ parameters }) => parameters.map(({ name }) => name))

  function valueOf ({ schema = {} }) {
    if (chance(0.3)) return pick(JUNK)
    if (schema.enum) return pick(schema.enum)
    if (schema.type === 'integer') return String(Math.floor(random() * Math.min((schema.maximum ?? 100) + 2, 300)))
    if (schema.type === 'boolean') return pick(['true', 'false'])
    return schema.default ?? pick(JUNK)
  }

  function target ({ path, parameters }) {
    const segments = path.replaceAll(/\{(\w+)\}/g, (_, name) => {
      if (chance(0.1)) return pick(JUNK)
      const valid = { dataset: 'mnist', split: pick(SPLITS), id: '3', file: 't10k-labels-idx1-ubyte.gz' }
      return valid[name] ?? '0'
    })
    const query = parameters.filter(({ in: place }) => place === 'query' && chance(0.3))
      .map(parameter => `${parameter.name}=${escape(valueOf(parameter))}`)
    // Mostly small responses.
    if (/batches|stream/.test(path) && !query.some(text => text.startsWith('batch_size='))) query.push('batch_size=3')
    if (path.endsWith('stream')) query.push('page=15000')
    if (chance(0.1)) query.push(`${pick([...names, ...JUNK])}=${escape(pick(JUNK))}`)
    if (chance(0.05)) query.push(...query)
    if (chance(0.02)) query.push(...Array.from({ length: 100 }, (_, i) => `x${i}=${i}`))
    return segments + (query.length > 0 ? `?${query.join('&')}` : '') + (chance(0.02) ? '#x' : '')
  }

  /** Percent-encodes in most cases. */
  function escape (value) {
    return chance(0.9) ? encodeURIComponent(value) : String(value).replaceAll(' ', '+')
  }

  function strangeTarget () {
    return pick([
      '/', '*', '//', '/.', '/../../etc/passwd', '/v1/', '/v1//datasets', '/v1/datasets/', '/V1/DATASETS', '/%', '/%zz',
      '/\u0000', '/v1/datasets/%2e%2e', 'http://evil.example/v1/datasets', 'v1/datasets', '?x', '/docs/../healthz',
      `/${'a'.repeat(2000)}`, `/v1/datasets/${'a'.repeat(300)}`, `/v1/datasets?${'x'.repeat(20_000)}`,
      '/docs/static/../../package.json', '/favicon.ico',
      '/v1/datasets/mnist/files/..%2f..%2fetc%2fpasswd', '/healthz?x=1', '/readyz', '/openapi.json', '/docs'
    ])
  }

  return function next () {
    const operation = pick(operations)
    const method = chance(0.6) ? operation.method : pick(METHODS)
    const path = chance(0.12) ? strangeTarget() : target(operation)
    const headers = []
    for (const [name, values] of HEADERS) if (chance(0.06)) headers.push([name, pick(values)])
    const named = name => headers.some(([other]) => other === name)
    if (!named('Host') && chance(0.98)) headers.unshift(['Host', 'localhost'])
    const authorization = key && pick(chance(0.85) ? [`Bearer ${key}`] : invalidAuthorizations(key))
    if (authorization !== undefined) headers.push(['Authorization', authorization])
    if (chance(0.02)) for (let i = 0; i < 2100; i++) headers.push([`X-${i}`, '1'])
    let body = ''
    if (method === 'POST' || chance(0.1)) {
      body = pick(BODIES)
      if (!named('Content-Type') && chance(0.8)) headers.push(['Content-Type', 'application/json'])
      if (headers.some(([name, value]) => name === 'Transfer-Encoding' && value === 'chunked')) {
        body = chance(0.8) ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n` : 'zz\r\n\r\n'
      } else if (!named('Content-Length')) {
        headers.push(['Content-Length', String(Buffer.byteLength(body))])
      }
    }
    headers.push(['Connection', 'close'])
    const version = chance(0.97) ? 'HTTP/1.1' : pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.9', 'http/1.1', 'HTP/1.1', ''])
    const head = [`${method} ${path} ${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
    // The end of the request never arrives.
    const isCut = headers.some(([name, value]) => {
      return (name === 'Content-Length' && Number(value) > Buffer.byteLength(body)) ||
        (name === 'Transfer-Encoding' && value.endsWith('chunked') && !body.endsWith('0\r\n\r\n'))
    })
    return { bytes: Buffer.from(`${head}\r\n\r\n${body}`), isHead: method === 'HEAD', isCut }
  }
}
