import type { BatchMetadata } from '../../encode/format.ts'

/** Header of each metadata field of a batch, for formats that have no place for metadata. */
const batchHeaderNames: Readonly<Record<string, string>> = {
  dataset: 'batch-dataset',
  version: 'batch-version',
  split: 'batch-split',
  page: 'batch-page',
  batch_size: 'batch-size',
  count: 'batch-count',
  total: 'batch-total',
  pages: 'batch-pages',
  shape: 'batch-shape',
  dtype: 'batch-dtype',
  normalization: 'batch-normalization',
  layout: 'batch-layout',
  offset: 'batch-offset',
  seed: 'batch-seed',
  epoch: 'batch-epoch',
  rank: 'batch-rank',
  world_size: 'batch-world-size',
  remainder: 'batch-remainder',
  augment: 'batch-augment',
  pad: 'batch-pad'
}

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
  ...Object.values(batchHeaderNames)
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
  ...Object.values(batchHeaderNames)
]

export function batchHeaders (metadata: BatchMetadata): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const key in metadata) headers[batchHeaderNames[key]!] = String(metadata[key])
  return headers
}

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
