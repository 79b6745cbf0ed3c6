import type { TSchema } from 'typebox'
import type { Format } from '../../encode/format.ts'

/** Descriptions of what a route may answer, for its schema and its page in the docs. */

const Binary = { type: 'string', format: 'binary' }

/** A body in one of several formats; `schema` is that of the one that is text. */
export function bodyInFormats (description: string, schema: TSchema, formats: readonly Format[]) {
  const content = formats.map(({ name, mediaType }) => [mediaType, { schema: name.endsWith('json') ? schema : Binary }])
  return { 200: { description, content: Object.fromEntries(content) } }
}

/** The same, of a resource that a client may have already. */
export function inFormats (description: string, schema: TSchema, formats: readonly Format[]) {
  return { ...bodyInFormats(description, schema, formats), ...notModified }
}

/** A body that is the same bytes for everybody, of one of these media types. */
export function binary (description: string, mediaTypes: readonly string[]) {
  return { description, content: Object.fromEntries(mediaTypes.map(mediaType => [mediaType, { schema: Binary }])) }
}

export const notModified = { 304: { description: 'The client has this representation already.', type: 'null' } }

const reasons = {
  400: 'A parameter is unknown, ill-typed or out of range; `errors` names each.',
  404: 'There is no such dataset, split, page, sample, file or version.',
  406: 'None of the formats is acceptable; `available` lists them.',
  413: 'The body is larger than any valid one.',
  415: 'The body is not `application/json`.',
  416: 'The range is beyond the end; `Content-Range` says how many bytes there are.',
  503: 'The dataset is still being prepared (with `Retry-After` and `progress`), or could not be.'
} as const

/** Problem documents for these statuses. */
export function problems (...statuses: Array<keyof typeof reasons>) {
  return Object.fromEntries(statuses.map(status => [status, {
    description: reasons[status],
    content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } }
  }]))
}
