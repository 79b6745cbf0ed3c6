import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { PreparedDataset } from '../../dataset/entry.ts'
import { bodyOf, type Body } from '../../encode/body.ts'
import type { Format } from '../../encode/format.ts'
import { json } from '../../encode/json/json.ts'
import { nest } from '../../encode/json/nesting.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { shortestNumbers } from '../../encode/json/numbers.ts'
import { npy, npyHeader } from '../../encode/npy.ts'
import { encodePng, png } from '../../encode/png.ts'
import { asBytes } from '../../io/bytes.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import { readyDataset } from '../query/target.ts'
import { jsonBody, respond } from '../response/respond.ts'
import { MeanBody } from '../openapi/schemas/datasets.ts'
import { DatasetParams } from '../openapi/schemas/params.ts'
import { MeanQuery } from '../openapi/schemas/queries.ts'

const formats: readonly Format[] = [json, npy, png]

/** The mean image, which with raw pixels is all that a client needs to do the arithmetic itself. */
export const meanRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry }> = async (app, { store }) => {
  app.get('/v1/datasets/:dataset/mean', {
    schema: {
      operationId: 'getMean',
      tags: ['datasets'],
      summary: 'The mean image',
      description: 'float32 [rows, columns] in units of full scale, as `centered` subtracts it. The PNG is rounded to 8 bits.',
      params: DatasetParams,
      querystring: MeanQuery,
      response: { ...inFormats('The mean image.', MeanBody, formats), ...problems(400, 404, 406, 503) }
    }
  }, async (request, reply) => {
    const { format: asked, version } = request.query
    const dataset = readyDataset(store, request.params.dataset, version)
    const format = negotiate(formats, { format: asked, accept: request.headers.accept })
    return respond(request, reply, {
      version: dataset.version,
      pinned: version !== undefined,
      tag: `mean/${format.name}`,
      mediaType: format.mediaType,
      // As text, an element and its comma are two bytes at least.
      compressibleBytes: format === json ? 2 * dataset.meanImage.length : 0,
      body: () => encodeMean(dataset, format)
    })
  })
}

function encodeMean ({ entry, version, settings, meanCount, meanImage, rows, columns }: PreparedDataset, format: Format): Body {
  switch (format) {
    case npy: return bodyOf(npyHeader([rows, columns], 'float32'), asBytes(meanImage))
    case png: return bodyOf(encodePng(Uint8Array.from(meanImage, value => Math.round(value * 255)), rows, columns))
    default: return jsonBody({
      dataset: entry.name,
      version,
      mean_over: settings.prepare.meanOver,
      count: meanCount,
      shape: [rows, columns],
      dtype: 'float32',
      mean: nest(shortestNumbers(meanImage), [columns])
    })
  }
}
