import type { Format } from '../../encode/format.ts'
import { batchHeaderSchemas } from './schemas/batch-fields.ts'

/** The possible responses of a route, and their headers, for its schema and the docs. */

const text = { type: 'string' }
const count = { type: 'integer', minimum: 0 }

const descriptions = {
  'X-Request-Id': { ...text, description: 'Id of the request, as in the log: that of the client, if it sent one.' },
  'Server-Timing': { ...text, description: 'Milliseconds of each step until these headers, and in `total`.' },
  'Retry-After': { ...count, description: 'Seconds after which a retry may succeed, if known.' },
  'WWW-Authenticate': { ...text, description: 'How to authenticate (RFC 6750): `Bearer`.' },
  ETag: { ...text, description: 'Identifies the representation, for `If-None-Match`.' },
  'Cache-Control': { ...text, description: '`immutable` for a year if the URL has the `version`.' },
  Link: { ...text, description: 'URLs of the `first`, `prev`, `next` and `last` page (RFC 8288).' },
  'Accept-Ranges': { ...text, description: '`bytes`.' },
  'Content-Range': { ...text, description: 'The range of the response, and the length of the file.' },
  'Content-Disposition': { ...text, description: 'The name of the file.' },
  'Repr-Digest': { ...text, description: 'SHA-256 of the whole file (RFC 9530).' }
} as const

type HeaderName = keyof typeof descriptions
type Headers = Readonly<Record<string, object>>

function select (...names: HeaderName[]): Headers {
  return Object.fromEntries(names.map(name => [name, descriptions[name]]))
}

/** Of every response. */
export const commonHeaders = select('X-Request-Id', 'Server-Timing', 'Cache-Control')
export const cacheHeaders = { ...commonHeaders, ...select('ETag') }
export const retryHeaders = { ...commonHeaders, ...select('Retry-After') }
const challengeHeaders = { ...commonHeaders, ...select('WWW-Authenticate') }
export const rangeHeaders = { ...commonHeaders, ...select('Content-Range') }
export const fileHeaders = { ...cacheHeaders, ...select('Accept-Ranges', 'Content-Disposition', 'Repr-Digest') }

/** Of a batch in any format: its metadata. */
export const gatherHeaders = { ...commonHeaders, ...batchHeaderSchemas('samples') }
/** Of a stream: what its pages have in common. */
export const streamHeaders = { ...cacheHeaders, ...batchHeaderSchemas('stream') }
export const pageHeaders = { ...cacheHeaders, ...batchHeaderSchemas('page'), ...select('Link') }

const Binary = { type: 'string', format: 'binary' }

/** The name of a schema in `sharedSchemas`. */
type SchemaName = string

function reference (name: SchemaName) {
  return { $ref: `${name}#` }
}

/** A JSON body that no cache may store. */
export function uncached (description: string, schema: SchemaName, headers = commonHeaders) {
  return { description, headers, content: { 'application/json': { schema: reference(schema) } } }
}

/** A body in one of several formats, of which `schema` describes the textual one. */
export function bodyInFormats (
  description: string,
  schema: SchemaName,
  formats: readonly Format[],
  headers = commonHeaders
) {
  const content = formats.map(({ mediaType, isText }) => {
    return [mediaType, { schema: isText ? reference(schema) : Binary }]
  })
  return { 200: { description, headers, content: Object.fromEntries(content) } }
}

/** The same for a resource with an ETag. */
export function inFormats (
  description: string,
  schema: SchemaName,
  formats: readonly Format[],
  headers = cacheHeaders
) {
  return { ...bodyInFormats(description, schema, formats, headers), ...notModified }
}

/** A binary body of one of these media types. */
export function binary (description: string, mediaTypes: readonly string[], headers = commonHeaders) {
  const content = Object.fromEntries(mediaTypes.map(mediaType => [mediaType, { schema: Binary }]))
  return { description, headers, content }
}

export const notModified = {
  304: { description: 'The client already has this representation.', headers: cacheHeaders, type: 'null' }
}

const reasons = {
  400: 'A parameter is unknown, ill-typed or out of range; `errors` describes the first ten.',
  401: 'The server requires an API key, and the request has no valid one.',
  404: 'No such dataset, split, page, sample, file or version.',
  406: 'None of the formats is acceptable; `available` lists them.',
  413: 'The body is larger than any valid one.',
  415: 'The body is not `application/json`, or has a `Content-Encoding`.',
  416: 'The range starts beyond the end; `Content-Range` gives the length.',
  417: 'The header `Expect` is something other than `100-continue`.',
  429: 'The client has sent more than `RATE_LIMIT` requests in a minute.',
  503: 'The dataset is still being prepared (with `Retry-After` and `progress`), its preparation failed, or the ' +
    'server has too many connections or too much work.'
} as const

type Status = keyof typeof reasons

const problemHeaders: Partial<Record<number, typeof commonHeaders>> = {
  401: challengeHeaders,
  416: rangeHeaders,
  429: retryHeaders,
  503: retryHeaders
}

/** Problem documents for these statuses, and for those that any route but a probe may have. */
export function problems (...statuses: Status[]) {
  return probeProblems(401, 429, 503, ...statuses)
}

/** Problem documents for these statuses. */
export function probeProblems (...statuses: Status[]) {
  return Object.fromEntries(statuses.map(status => [status, {
    description: reasons[status],
    headers: problemHeaders[status] ?? commonHeaders,
    content: { 'application/problem+json': { schema: reference('Problem') } }
  }]))
}

/** Of every response of a route that counts requests, as OpenAPI writes them. */
const rateLimitHeaders = {
  'RateLimit-Policy': {
    schema: text,
    description: 'Requests that the client may send, `q`, in a window of `w` seconds, if limited ' +
      '(draft-ietf-httpapi-ratelimit-headers): `"default";q=100;w=60`.'
  },
  RateLimit: {
    schema: text,
    description: 'The requests left, `r`, and the seconds until the next window, `t`: `"default";r=50;t=30`.'
  },
  'RateLimit-Limit': { schema: count, description: 'The same as `q`, for older clients.' },
  'RateLimit-Remaining': { schema: count, description: 'The same as `r`.' },
  'RateLimit-Reset': { schema: count, description: 'The same as `t`.' }
}

interface Document {
  paths?: Record<string, Record<string, { responses?: Record<string, { headers?: Record<string, object> }> }>>
  components?: { headers?: Record<string, object> }
}

/**
 * Adds the headers of counted requests, and moves those of all responses to the components of an OpenAPI document: each
 * is described once.
 */
export function shareHeaders (document: Document): void {
  const shared: Record<string, object> = {}
  const operations = Object.values(document.paths ?? {}).flatMap(methods => Object.values(methods))
  for (const { responses = {} } of operations) {
    const added = 429 in responses ? rateLimitHeaders : {}
    for (const response of Object.values(responses)) {
      const headers = { ...response.headers, ...added }
      Object.assign(shared, headers)
      const references = Object.keys(headers).map(name => [name, { $ref: `#/components/headers/${name}` }])
      response.headers = Object.fromEntries(references)
    }
  }
  document.components = { ...document.components, headers: shared }
}
