import type { Format } from '../../encode/format.ts'
import { cacheHeaders, challengeHeaders, commonHeaders, rangeHeaders, retryHeaders } from './response-headers.ts'

/** The possible responses of a route, for its schema and the docs. */

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
