import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { create as contentDisposition } from 'content-disposition'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fresh from 'fresh'
import type { OriginalFile } from '../../dataset/originals.ts'
import type { DatasetRegistry } from '../../dataset/registry.ts'
import { abbreviate, ServiceError } from '../../errors.ts'
import type { Chunk } from '../../memory/chunk.ts'
import { fileHeaders, rangeHeaders, binary, notModified, problems } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { FileParams, NoQuery } from '../openapi/schemas/parameter-schemas.ts'
import { resolveDataset } from '../query/target.ts'
import { cacheControl } from '../response/respond.ts'
import { writeBody, writeNotModified } from '../response/writer.ts'

const mediaTypes = ['application/gzip', 'application/octet-stream']

/** The original files of a dataset, so that other loaders can use this service as a mirror. */
export const fileRoutes: Routes<{ registry: DatasetRegistry }> = async (app, { registry }) => {
  app.get('/v1/datasets/:dataset/files/:file', {
    schema: {
      operationId: 'getFile',
      tags: ['datasets'],
      summary: 'An original file',
      description: 'A verified file of the dataset under its published name: with `.gz`, gzipped with the published ' +
        'bytes where they are available (see the description of the dataset); without it, the uncompressed content. ' +
        'Supports `Range` and `If-Range`. The `ETag` is the SHA-256. The first request for a file that has to be ' +
        'compressed takes some seconds.',
      params: FileParams,
      querystring: NoQuery,
      response: {
        200: binary('The file.', mediaTypes, fileHeaders),
        206: binary('A part of the file.', mediaTypes, { ...fileHeaders, ...rangeHeaders }),
        ...notModified,
        ...problems(400, 404, 416, 503)
      }
    }
  }, async (request, reply) => {
    const dataset = resolveDataset(registry, request.params.dataset)
    return await sendFile(request, reply, await dataset.originals.open(request.params.file))
  })
}

async function sendFile (request: FastifyRequest, reply: FastifyReply, file: OriginalFile): Promise<FastifyReply> {
  const { name, mediaType, bytes, sha256 } = file
  const etag = `"${sha256}"`
  const cacheHeaders = { etag, 'cache-control': cacheControl(request, file.immutable) }
  if (fresh(request.headers, { etag })) return writeNotModified(reply.headers(cacheHeaders))
  const range = request.method === 'HEAD' ? undefined : parseRange(request.headers, bytes, etag)
  if (range === 'unsatisfiable') {
    const detail = `${name} has ${bytes} bytes, '${abbreviate(request.headers.range!)}' is beyond them`
    throw new ServiceError('range_not_satisfiable', detail, { headers: { 'content-range': `bytes */${bytes}` } })
  }
  const { start, end } = range ?? { start: 0, end: bytes - 1 }
  reply.headers({
    ...cacheHeaders,
    'accept-ranges': 'bytes',
    'content-disposition': contentDisposition(name),
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
  }).type(mediaType)
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end}/${bytes}`)
  if (request.method === 'HEAD') return writeBody(reply, { byteLength: end - start + 1, groups: toGroups([]) })
  const content = await file.read(start, end)
  // A file that cannot be read is an error before anything is sent.
  await once(content, 'readable').catch(cause => {
    throw new ServiceError('source_unavailable', `${name} cannot be read; retry the request`, { cause })
  })
  return writeBody(reply, { byteLength: end - start + 1, groups: toGroups(content) })
}

async function * toGroups (content: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<Chunk[]> {
  for await (const chunk of content) yield [chunk as Uint8Array]
}

/** Bytes from `start` up to and including `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The byte range that a GET request asks for (RFC 9110 §14). Several ranges, other units and malformed ranges are
 * ignored, as is a range whose `If-Range` names another ETag.
 *
 * @param bytes length of the whole representation
 * @returns undefined for the whole
 */
export function parseRange (
  { range, 'if-range': condition }: IncomingHttpHeaders,
  bytes: number,
  etag: string
): ByteRange | 'unsatisfiable' | undefined {
  if (condition !== undefined && condition !== etag) return undefined
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(range?.replaceAll(/[ \t]/g, '') ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  // Without a first position, the range is the last bytes.
  if (first === '') {
    const isSatisfiable = Number(last) > 0 && bytes > 0
    return isSatisfiable ? { start: Math.max(0, bytes - Number(last)), end: bytes - 1 } : 'unsatisfiable'
  }
  if (last !== '' && Number(last) < Number(first)) return undefined
  if (Number(first) >= bytes) return 'unsatisfiable'
  return { start: Number(first), end: Math.min(last === '' ? Infinity : Number(last), bytes - 1) }
}
