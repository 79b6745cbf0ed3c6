import { placeImage } from '../../batch/pad.ts'
import { publicShape } from '../../dataset/image-shape.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { bodyOf, type Body, type Format } from '../../encode/format.ts'
import { json } from '../../encode/json/json.ts'
import { encodeWithArray } from '../../encode/json/array-writer.ts'
import { negotiate } from '../../encode/negotiate.ts'
import { npy, npyHeader } from '../../encode/npy.ts'
import { encodePng, png } from '../../encode/png.ts'
import { asBytes } from '../../memory/bytes.ts'
import { inFormats, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { DatasetParams, FormatQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset } from '../query/target.ts'
import { respond } from '../response/respond.ts'

const formats: readonly Format[] = [json, npy, png]

/** The mean image, all that a client needs besides raw pixels to normalize them itself. */
export const meanRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/mean', {
    schema: {
      operationId: 'getMean',
      tags: ['datasets'],
      summary: 'The mean image',
      description: 'float32 [rows, columns], or [3, rows, columns] of colour images, where 255 is 1, as `centered` ' +
        'subtracts it. The PNG is rounded to 8 bits.',
      params: DatasetParams,
      querystring: FormatQuery(formats),
      response: { ...inFormats('The mean image.', 'MeanImage', formats), ...problems(400, 404, 406, 503) }
    }
  }, (request, reply) => {
    const { params, query, headers: { accept } } = request
    const dataset = resolveDataset(registry, params.dataset, query.version)
    const format = negotiate(formats, { format: query.format, accept })
    return respond(request, reply, {
      dataset,
      tag: `mean/${format.name}`,
      mediaType: format.mediaType,
      // As text, a pixel and its comma take at least two bytes.
      compressibleBytes: format === json ? 2 * dataset.meanImage.length : 0,
      body: () => encodeMean(dataset, format)
    })
  })
}

async function encodeMean (dataset: PreparedDataset, format: Format): Promise<Body> {
  const { entry, version, settings, meanCount, meanImage } = dataset
  const shape = publicShape(dataset.shape)
  switch (format) {
    case npy: return bodyOf(npyHeader(shape, 'float32'), asBytes(meanImage))
    case png: {
      const planes = Uint8Array.from(meanImage, value => Math.round(value * 255))
      const pixels = new Uint8Array(planes.length)
      placeImage(planes, 0, dataset.shape, pixels, 0, { padded: dataset.shape, interleaved: true })
      return bodyOf(await encodePng(pixels, dataset.shape))
    }
    default: return encodeWithArray({
      dataset: entry.name,
      version,
      mean_over: settings.prepare.meanOver,
      count: meanCount,
      shape,
      dtype: 'float32'
    }, 'mean', { shape, dtype: 'float32', values: meanImage })
  }
}
