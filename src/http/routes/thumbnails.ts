import { paddedShape } from '../../batch/pad.ts'
import { drawSheet, sheetShape } from '../../batch/sheet.ts'
import { valueCount } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { SplitName } from '../../dataset/sample-splits.ts'
import { sha256 } from '../../disk/hash.ts'
import { bodyOf } from '../../encode/format.ts'
import { encodePng, png } from '../../encode/png.ts'
import { cacheHeaders, binary, notModified, problems } from '../openapi/responses.ts'
import { defaults, optionTags, pageParameters } from '../openapi/schemas/batch-fields.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { SplitParams, ThumbnailQuery, type ThumbnailParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertServable, requestSamples, type BatchRequest } from '../query/batch-request.ts'
import { resolveEpoch, type EpochOptions } from '../query/epoch-request.ts'
import { assertNoErrors } from '../query/query-errors.ts'
import { resolveTarget, type SplitRequest } from '../query/target.ts'
import { augmentedBytes, computeBatch, samplesOf } from '../response/batch-content.ts'
import { respond } from '../response/respond.ts'

/** Images are shown as they are before normalization. */
const preparation = { normalization: 'raw', dtype: 'uint8', labels: 'index', layout: 'flat' } as const

/** The pictures of many samples in one. */
export const thumbnailRoutes: Routes<EpochOptions> = async (app, options) => {
  const { limits, maxBatchSize } = options

  app.get('/v1/datasets/:dataset/splits/:split/thumbnails', {
    schema: {
      operationId: 'getThumbnails',
      tags: ['splits'],
      summary: 'Many samples in one picture',
      description: 'A PNG of the 8-bit images of a page, or of the samples with these `ids`, in rows from the top ' +
        'left; the rest of the last row is black. With `augment`, augmented as in the batches of the same `seed` and ' +
        '`epoch`.',
      params: SplitParams,
      querystring: ThumbnailQuery(maxBatchSize),
      response: {
        200: binary('The picture.', [png.mediaType], cacheHeaders),
        ...notModified,
        ...problems(400, 404, 406, 503)
      }
    }
  }, (request, reply) => {
    const { query } = request
    const { dataset, split } = resolveTarget(options.registry, [png], request)
    const { batch, tag } = query.ids === undefined
      ? resolvePage(options, request)
      : resolveIds(dataset, split, query, maxBatchSize)
    const { columns = defaults.columns, pad } = query
    // The picture, and its lines for compression.
    const sheetBytes = 2 * valueCount(sheetShape(paddedShape(dataset.shape, pad), batch.span.count, columns))
    const format = { ...png, maxBytes: limits.workMemory >> 1 }
    assertServable(dataset, batch, format, limits, query.ids === undefined ? 'batch_size' : 'ids')
    return respond(request, reply, {
      dataset,
      tag: `thumbnails/${tag}/${columns}`,
      mediaType: png.mediaType,
      workBytes: augmentedBytes(dataset, batch, png) + sheetBytes,
      samples: samplesOf(dataset, batch, png),
      async body (work) {
        const samples = await computeBatch(dataset, { ...batch, layout: 'nhwc' }, png, work)
        const { pixels, shape } = work.times.measure('encode', () => drawSheet(samples, dataset.shape, pad, columns))
        return bodyOf(await encodePng(pixels, shape))
      }
    })
  })
}

interface Requested {
  readonly batch: BatchRequest
  readonly tag: string
}

type ThumbnailRequest = Pick<SplitRequest, 'params' | 'headers'> & { readonly query: ThumbnailParameters }

function resolvePage (options: EpochOptions, request: ThumbnailRequest): Requested {
  const { ids: _ids, columns: _columns, ...query } = request.query
  const { params, headers } = request
  const { epoch } = resolveEpoch(options, [png], { params, headers, query: { ...query, ...preparation } })
  return { batch: epoch.page(epoch.firstPage), tag: epoch.tag }
}

/** Parameters of a page, which a list of ids does without. */
const { seed: _seed, epoch: _epoch, ...onlyOfPages } = pageParameters
const PAGE_PARAMETERS = Object.keys(onlyOfPages) as Array<keyof typeof onlyOfPages>

function resolveIds (
  dataset: PreparedDataset,
  split: SplitName,
  query: ThumbnailParameters,
  maxBatchSize: number
): Requested {
  const conflicts = PAGE_PARAMETERS.filter(parameter => query[parameter] !== undefined)
  assertNoErrors(conflicts.map(parameter => ({
    parameter,
    detail: `${parameter} selects a page, but ids were given`,
    allowed: 'nothing with ids'
  })))
  const batch = requestSamples(dataset, split, parseIds(query.ids!, maxBatchSize), query, preparation)
  // A list may be long, and a tag must have no commas.
  return { batch, tag: [split, sha256(query.ids!).slice(0, 16), ...optionTags(dataset, batch)].join('/') }
}

/** @throws ServiceError invalid_parameter */
function parseIds (text: string, maxBatchSize: number): number[] {
  const allowed = `1 to ${maxBatchSize} integers of at least 0, separated by commas`
  const items = text.split(',')
  const invalid = items.find(item => !/^(0|[1-9]\d{0,14})$/.test(item))
  if (invalid !== undefined || items.length > maxBatchSize) {
    const found = invalid === undefined ? `${items.length} of them` : `'${invalid.slice(0, 20)}'`
    assertNoErrors([{ parameter: 'ids', detail: `ids must be ${allowed}, got ${found}`, allowed }])
  }
  return items.map(Number)
}
