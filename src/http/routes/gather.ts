import type { DatasetRegistry } from '../../dataset/registry.ts'
import { batchFormats } from '../../encode/encoders.ts'
import { ServiceError } from '../../errors.ts'
import type { Limits } from '../limits.ts'
import { gatherHeaders, bodyInFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { GatherQuery, GatherRequest, SplitParams } from '../openapi/schemas/parameter-schemas.ts'
import { assertServable, requestSamples } from '../query/batch-request.ts'
import { resolvePreparation } from '../query/preparation.ts'
import { resolveTarget } from '../query/target.ts'
import { batchContent } from '../response/batch-content.ts'
import { respondUncached } from '../response/respond.ts'

/** An id has at most 15 digits; the rest is for a comma, a line break and indentation. */
const BYTES_PER_ID = 32

/** Levels and members of a body: those of a valid one, and some for errors to describe. Others take long to parse. */
const MAX_LEVELS = 8
const MAX_MEMBERS = 100

/** Whether JSON has more levels or members than that. */
function isExcessive (text: string): boolean {
  let [levels, members] = [0, 0]
  let isText = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isText) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) isText = false
    } else if (code === QUOTE) {
      isText = true
    } else if (code === BRACKET || code === BRACE) {
      if (++levels > MAX_LEVELS) return true
    } else if (code === BRACKET + 2 || code === BRACE + 2) {
      levels--
    } else if (code === COLON && ++members > MAX_MEMBERS) {
      return true
    }
  }
  return false
}

const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c]
/** Opening ones; the closing ones follow two later. */
const [BRACKET, BRACE] = [0x5b, 0x7b]

interface Options {
  readonly registry: DatasetRegistry
  readonly limits: Limits
  readonly maxBatchSize: number
}

/** A batch of exactly the samples that the client lists. */
export const gatherRoutes: Routes<Options> = async (app, { registry, limits, maxBatchSize }) => {
  // Fastify's default parser would accept text only for validation to reject it.
  app.removeContentTypeParser(['text/plain', 'application/json'])
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (!isExcessive(body)) return parseJson(request, body, done)
    const detail = `the body must have at most ${MAX_LEVELS} levels and ${MAX_MEMBERS} members`
    done(new ServiceError('bad_request', detail))
  })

  app.post('/v1/datasets/:dataset/splits/:split/gather', {
    bodyLimit: 1024 + BYTES_PER_ID * maxBatchSize,
    schema: {
      operationId: 'gatherSamples',
      tags: ['splits'],
      summary: 'Samples by their ids',
      description: 'A batch of exactly these samples, in this order, with repetitions; with `augment`, augmented as ' +
        'in the batches of the same `seed` and `epoch`. Formats and headers are those of a page, without `page`, ' +
        '`batch_size`, `pages` and `Link`. Not cacheable.',
      params: SplitParams,
      querystring: GatherQuery(batchFormats),
      body: GatherRequest(maxBatchSize),
      response: {
        ...bodyInFormats('The samples.', 'GatheredBatch', batchFormats, gatherHeaders),
        ...problems(400, 404, 406, 413, 415, 503)
      }
    }
  }, (request, reply) => {
    const { query, body: { ids } } = request
    const { dataset, split, format } = resolveTarget(registry, batchFormats, request)
    const batch = requestSamples(dataset, split, ids, query, resolvePreparation(query, dataset))
    assertServable(dataset, batch, format, limits, 'ids')
    return respondUncached(request, reply, batchContent(dataset, batch, format))
  })
}
