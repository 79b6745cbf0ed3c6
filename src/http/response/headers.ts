import { batchHeaderNames } from '../openapi/schemas/batch-fields.ts'

/** Headers of a successful response that describe its body, and that an error must not have. */
export const representationHeaders: readonly string[] = [
  'link',
  'etag',
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-range',
  'repr-digest',
  ...batchHeaderNames
]

/** Headers that scripts of other origins may read. */
export const exposedHeaders: readonly string[] = [
  'link',
  'etag',
  'retry-after',
  'server-timing',
  'x-request-id',
  'accept-ranges',
  'content-range',
  'content-disposition',
  'repr-digest',
  ...batchHeaderNames
]

/**
 * The Link header (RFC 8288) of a page: first, prev, next and last, each with all parameters of the request.
 *
 * @param path of the resource, without a query
 * @param query as sent, without `?`
 */
export function pageLinks (path: string, query: string, page: number, pages: number): string {
  // Encoded once, since the links differ only in the page; encoded values contain neither & nor =.
  const parameters = new URLSearchParams(query)
  parameters.set('page', '')
  const [before, after = ''] = parameters.toString().split(/(?<=(?:^|&)page=)/)
  const relations: Array<[string, number]> = [['first', 0], ['prev', page - 1], ['next', page + 1], ['last', pages - 1]]
  return relations
    .filter(([, target]) => target >= 0 && target < pages)
    .map(([relation, target]) => `<${path}?${before}${target}${after}>; rel="${relation}"`)
    .join(', ')
}
