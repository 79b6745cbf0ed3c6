/** Sends requests to a server of their own, and describes the responses. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request as open } from 'node:http'
import { buffer } from 'node:stream/consumers'
import zlib from 'node:zlib'
import { startService } from '../lib/server.js'
import { findDifferences } from './differences.js'
import { bodyOf, describeRequest } from './golden.js'

const TIMEOUT_MS = 60_000
const CONCURRENCY = 4
/** Requests whose bodies are larger are sent twice, all others three times. */
const LARGE = 1 << 22

export const hasZstd = zlib.zstdDecompressSync !== undefined
const node = Number(process.versions.node.split('.', 1)[0])

/**
 * Each request is repeated, since the server may answer it in another way when it has seen the URL before.
 *
 * @returns the version of MNIST, an entry for each request, and how repeated responses differ from the first one
 */
export async function observe (requests) {
  // A description names the backend.
  const server = await startService({ settings: { HOST: '127.0.0.1', TFJS_BACKEND: 'wasm', OFFLINE: '1' } })
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
  try {
    const { datasets: [{ version }] } = await (await fetch(`${server.base}/v1/datasets`)).json()
    const etags = new Map()
    const unstable = new Map()
    const entries = new Map()
    // An ETag has to be known before it can be sent.
    for (const isInRound of [
      request => !request.last && !needsEtag(request),
      needsEtag,
      request => request.last
    ]) {
      const queue = requests.filter(isInRound).values()
      await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
        for (const request of queue) entries.set(request, await observeOne(request))
      }))
    }
    return { version, entries: requests.map(request => entries.get(request)), unstable }

    async function observeOne (request) {
      const etag = etags.get(resourceOf(request))
      if (needsEtag(request) && etag === undefined) throw new Error(`no ETag is known for ${describeRequest(request)}`)
      const message = { ...request, body: bodyOf(request) }
      const responses = []
      for (let count = 1; responses.length < count; count = responses[0].body.length > LARGE ? 2 : 3) {
        responses.push(await send(server.base, agent, fill(message, version, etag)))
      }
      const [first, ...repeated] = responses.map(response => toEntry(request, response, version))
      const found = repeated.flatMap(again => findDifferences(first, again)).map(line => `repeated: ${line}`)
      if (found.length > 0) unstable.set(first, [...new Set(found)])
      const isGet = (request.method ?? 'GET') === 'GET'
      if (isGet && responses[0].headers.etag) etags.set(resourceOf(request), responses[0].headers.etag)
      return first
    }
  } finally {
    agent.destroy()
    await server.stop()
  }
}

/** A response that does not arrive, or breaks off, has the reason as its status. */
async function send (base, agent, { method = 'GET', url, sent, body }, attempts = 5) {
  const { hostname: host, port } = new URL(base)
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const request = open({ host, port, path: url, method, headers: sent, agent, signal })
    request.end(body)
    const [response] = await once(request, 'response')
    const { statusCode: status, headers, rawHeaders } = response
    return { status, headers, rawHeaders, body: await buffer(response) }
  } catch (error) {
    // A server that rejects a large body may close the connection while it is still being sent.
    if (body !== undefined && attempts > 1) return send(base, agent, { method, url, sent, body }, attempts - 1)
    return { status: error.code ?? error.message, headers: {}, rawHeaders: [], body: Buffer.alloc(0) }
  }
}

/** The request with the version and the ETag in it. */
function fill ({ sent = {}, url, ...request }, version, etag) {
  const headers = Object.entries(sent).map(([name, value]) => [name, value.replaceAll('<etag>', etag)])
  return { ...request, url: url.replaceAll('<v>', version), sent: Object.fromEntries(headers) }
}

function needsEtag ({ sent = {} }) {
  return Object.values(sent).some(value => value.includes('<etag>'))
}

/** Requests for the same resource get the same ETag. */
function resourceOf ({ url, sent: { accept, 'accept-encoding': encoding } = {} }) {
  const [path, query] = url.split('?')
  return JSON.stringify([path, query?.split('&').sort(), accept, encoding])
}

function toEntry ({ method, url, sent, body: sentBody, text, last }, { status, rawHeaders, body }, version) {
  const headers = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase()
    const value = shorten(name, rawHeaders[i + 1], url, version, body)
    headers[name] = name in headers ? `${headers[name]}\n${value}` : value
  }
  const coding = headers['content-encoding']
  const request = { method, url, sent, body: sentBody, text, last }
  const dependsOnZstd = /zstd|\*/.test(sent?.['accept-encoding'] ?? '')
  return {
    ...Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)),
    ...(dependsOnZstd && { zstd: hasZstd }),
    status,
    headers: Object.fromEntries(Object.entries(headers).sort(([a], [b]) => a < b ? -1 : 1)),
    ...describeBody(decode(body, coding), headers['content-type'], { url, sent }, version),
    ...(coding && { encoded: { node, ...(body.length > 0 && { sha256: sha256(body) }) } })
  }
}

/** A value without what is in the request anyway, or differs in each response. */
function shorten (name, value, url, version, body) {
  if (name === 'date') return '<date>'
  if (name === 'server-timing' && /(^|, )total;dur=[\d.]+$/.test(value)) return '<times>'
  if (name === 'x-request-id' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) return '<id>'
  if (name === 'content-length' && body.length > 0 && value === String(body.length)) return '<bytes>'
  // Links repeat the URL, with another page.
  if (name === 'link') {
    const base = url.replaceAll('<v>', version).replace(/[?&]page=\d+$/, '')
    return value.replaceAll(base, '^').replaceAll(/<\^([?&]page=\d+)>; rel="(\w+)"/g, '$2$1')
  }
  return value.replaceAll(version, '<v>')
}

/** The hash of a body; a body that has to be readable in a difference is recorded itself. */
function describeBody (decoded, type = '', { url, sent }, version) {
  if (decoded.length === 0) return {}
  const isProblem = type.startsWith('application/problem+json')
  const isDescription = ['/v1/datasets', '/v1/datasets/mnist'].includes(url) && sent === undefined
  if (!isProblem && !isDescription) return { bytes: decoded.length, sha256: sha256(decoded) }
  const { request_id: _, ...document } = JSON.parse(decoded.toString().replaceAll(version, '<v>'))
  return isProblem ? { problem: document } : { document }
}

function decode (body, coding) {
  if (body.length === 0) return body
  switch (coding) {
    case undefined: return body
    case 'gzip': return zlib.gunzipSync(body)
    case 'br': return zlib.brotliDecompressSync(body)
    case 'zstd': return zlib.zstdDecompressSync(body)
    default: throw new Error(`no request accepts the content coding ${coding}`)
  }
}

function sha256 (bytes) {
  // Enough digits to see a difference.
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24)
}
