import Negotiator from 'negotiator'
import { abbreviate, ServiceError } from '../errors.ts'
import type { Format } from './format.ts'

/** What a request says about the format of the response. */
export interface FormatPreference {
  /** The name of a format, which takes precedence. */
  readonly format: string | undefined
  /** The Accept header. */
  readonly accept: string | undefined
}

/**
 * The format of the response: the one requested by name, else the one that the Accept header prefers (RFC 9110
 * §12.5.1), or the first of several with equal preference. An empty header prefers nothing.
 *
 * @throws ServiceError not_acceptable, listing the available formats
 */
export function negotiate<F extends Format> (formats: readonly F[], { format: name, accept }: FormatPreference): F {
  if (name !== undefined) return formats.find(format => format.name === name)!
  const mediaTypes = formats.map(({ mediaType }) => mediaType)
  const preferred = new Negotiator({ headers: { accept: withoutParameters(accept) } }).mediaType(mediaTypes)
  const format = formats.find(({ mediaType }) => mediaType === preferred)
  if (format) return format
  const available = formats.map(({ name, mediaType }) => ({ format: name, media_type: mediaType }))
  const detail = `Accept: ${abbreviate(accept!)} matches none of ${mediaTypes.join(', ')}`
  throw new ServiceError('not_acceptable', detail, { members: { available } })
}

/** A parameter of a media type other than its weight. */
const PARAMETER = /;(?![ \t]*q[ \t]*=)[^=;,"]*(?:=[ \t]*(?:"(?:[^"\\]|\\.)*"|[^;,"]*))?/gi

/** The ranges of an Accept header with only their weights: no format has a parameter that could match another. */
function withoutParameters (accept: string | undefined): string | undefined {
  return accept?.replaceAll(PARAMETER, '').replaceAll(/^[, \t]+|[, \t]+$/g, '') || undefined
}
