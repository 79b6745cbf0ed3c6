import type { BatchMetadata } from '../../encode/format.ts'

/** Header of each scalar of a batch, for the formats that have no place for it. */
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
  seed: 'batch-seed',
  epoch: 'batch-epoch',
  rank: 'batch-rank',
  world_size: 'batch-world-size',
  remainder: 'batch-remainder',
  augment: 'batch-augment',
  pad: 'batch-pad'
}

/** What scripts of other origins may read. */
export const exposedHeaders: readonly string[] = ['link', 'etag', 'retry-after', 'x-request-id', 'accept-ranges', 'content-range', 'content-disposition', 'repr-digest', ...Object.values(batchHeaderNames)]

export function batchHeaders (metadata: BatchMetadata): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const key in metadata) headers[batchHeaderNames[key]!] = String(metadata[key])
  return headers
}

/**
 * The Link header (RFC 8288) of a page: first, prev, next and last, each with all parameters of the request.
 *
 * @param path of the resource, without a query
 * @param query as it was sent
 */
export function pageLinks (path: string, query: string, page: number, pages: number): string {
  // Written once: the pages differ in the number alone, and an encoded value has no & or = of its own.
  const parameters = new URLSearchParams(query)
  parameters.set('page', '')
  const [before, after = ''] = parameters.toString().split(/(?<=(?:^|&)page=)/)
  const relations: Array<[string, number]> = [['first', 0], ['prev', page - 1], ['next', page + 1], ['last', pages - 1]]
  return relations
    .filter(([, target]) => target >= 0 && target < pages)
    .map(([relation, target]) => `<${path}?${before}${target}${after}>; rel="${relation}"`)
    .join(', ')
}
