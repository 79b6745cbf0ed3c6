import type { TSchema } from 'typebox'
import type { Format } from '../../encode/format.ts'

/** The possible responses of a route, for its schema and the docs. */

const Binary = { type: 'string', format: 'binary' }

/** A body in one of several formats, of which `schema` describes the textual one. */
export function bodyInFormats (description: string, schema: TSchema, formats: readonly Format[]) {
  const content = formats.map(({ name, mediaType }) => [mediaType, { schema: name.endsWith('json') ? schema : Binary }])
  return { 200: { description, content: Object.fromEntries(content) } }
}

/** The same for a resource with an ETag. */
export function inFormats (description: string, schema: TSchema, formats: readonly Format[]) {
  return { ...bodyInFormats(description, schema, formats), ...notModified }
}

/** A binary body of one of these media types. */
export function binary (description: string, mediaTypes: readonly string[]) {
  return { description, content: Object.fromEntries(mediaTypes.map(mediaType => [mediaType, { schema: Binary }])) }
}

export const notModified = { 304: { description: 'The client already has this representation.', type: 'null' } }

const reasons = {
  400: 'A parameter is unknown, ill-typed or out of range; `errors` describes the first ten.',
  404: 'No such dataset, split, page, sample, file or version.',
  406: 'None of the formats is acceptable; `available` lists them.',
  413: 'The body is larger than any valid one.',
  415: 'The body is not `application/json`, or has a `Content-Encoding`.',
  416: 'The range starts beyond the end; `Content-Range` gives the length.',
  503: 'The dataset is still being prepared (with `Retry-After` and `progress`), or its preparation failed.'
} as const

/** Problem documents for these statuses. */
export function problems (...statuses: Array<keyof typeof reasons>) {
  return Object.fromEntries(statuses.map(status => [status, {
    description: reasons[status],
    content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } }
  }]))
}
