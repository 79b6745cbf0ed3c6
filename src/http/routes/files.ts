import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import type { OriginalFile } from '../../dataset/entry.ts'
import { ServiceError } from '../../errors.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { binary, notModified, problems } from '../openapi/responses.ts'
import { readyDataset } from '../query/target.ts'
import { rangeOf } from '../response/range.ts'
import { lasting, passing, sendNotModified } from '../response/respond.ts'
import { FileParams } from '../openapi/schemas/params.ts'
import { NoQuery } from '../openapi/schemas/queries.ts'

const mediaTypes = ['application/gzip', 'application/octet-stream']

/** The files that a dataset was made of, so that other loaders can take this service for their mirror. */
export const fileRoutes: FastifyPluginAsyncTypebox<{ store: DatasetRegistry }> = async (app, { store }) => {
  app.get('/v1/datasets/:dataset/files/:file', {
    schema: {
      operationId: 'getFile',
      tags: ['datasets'],
      summary: 'An original file',
      description: 'A verified file of the dataset under its publisher\'s name: with `.gz` gzipped, as a mirror of the publisher has it wherever those bytes can be had (the dataset\'s description tells), without it the uncompressed content. Takes a `Range` of bytes, and `If-Range`. The `ETag` is the SHA-256. A file that has to be compressed first is answered some seconds later, once.',
      params: FileParams,
      querystring: NoQuery,
      response: {
        200: binary('The file.', mediaTypes),
        206: binary('A part of the file.', mediaTypes),
        ...notModified,
        ...problems(400, 404, 416, 503)
      }
    }
  }, async (request, reply) => {
    const dataset = readyDataset(store, request.params.dataset)
    return await sendFile(request, reply, await dataset.originals.open(request.params.file))
  })
}

async function sendFile (request: FastifyRequest, reply: FastifyReply, file: OriginalFile): Promise<FastifyReply> {
  const { name, mediaType, bytes, sha256 } = file
  const etag = `"${sha256}"`
  const head = request.method === 'HEAD'
  const range = head ? undefined : rangeOf(request.headers, bytes, etag)
  const headers = { etag, 'cache-control': file.lasting ? lasting : passing }
  if (fresh(request.headers, { etag })) return sendNotModified(reply.headers(headers))
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${bytes}`)
    throw new ServiceError('range_not_satisfiable', `${name} has ${bytes} bytes, '${request.headers.range}' is beyond them`)
  }
  const { start, end } = range ?? { start: 0, end: bytes - 1 }
  const body = head ? Readable.from([]) : await file.read(start, end)
  reply.headers({
    ...headers,
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    'content-disposition': `attachment; filename="${name}"`,
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
  }).type(mediaType)
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${bytes}`)
  return reply.send(body)
}
