import Negotiator from 'negotiator'
import { ServiceError } from '../errors.ts'
import type { Format } from './format.ts'

/**
 * The format to answer in: the one asked for by name, else the one that the Accept header likes best (RFC 9110 §12.5.1),
 * the first where it likes several the same.
 *
 * @throws ServiceError not_acceptable, listing the formats there are
 */
export function negotiate<F extends Format> (formats: readonly F[], asked: { format: string | undefined, accept: string | undefined }): F {
  if (asked.format !== undefined) return formats.find(({ name }) => name === asked.format)!
  const preferred = new Negotiator({ headers: { accept: asked.accept } }).mediaType(formats.map(({ mediaType }) => mediaType))
  const format = formats.find(({ mediaType }) => mediaType === preferred)
  if (format) return format
  const available = formats.map(({ name, mediaType }) => ({ format: name, media_type: mediaType }))
  throw new ServiceError('not_acceptable', `Accept: ${asked.accept} matches none of ${formats.map(({ mediaType }) => mediaType).join(', ')}`, { members: { available } })
}
