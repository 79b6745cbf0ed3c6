import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import fresh from 'fresh'
import Negotiator from 'negotiator'
import type { FastifyReply } from 'fastify'
import { sha256 } from '../../disk/hash.ts'
import { bodyOf } from '../../encode/format.ts'
import { probeProblems, uncached } from '../openapi/responses.ts'
import type { Routes } from '../openapi/schemas/json-schema.ts'
import { respondJson } from '../response/respond.ts'
import { writeBody, writeNotModified } from '../response/writer.ts'
import { pathOf } from '../server/base-path.ts'

const { name, version, description } = createRequire(import.meta.url)('#package.json')

interface Options {
  /** The folder of the built page; undefined serves none. */
  readonly folder: URL | undefined
}

/** The page needs nothing from elsewhere, and shows pictures that it has fetched. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'"
].join('; ')

const links = {
  datasets: '/v1/datasets',
  health: '/healthz',
  readiness: '/readyz',
  openapi: '/openapi.json',
  documentation: '/docs'
}

/** The root: the Explorer for browsers, and for other clients the resources to begin with. */
export const explorerRoutes: Routes<Options> = async (app, { folder }) => {
  const page = folder && readPage(folder)

  app.get('/', {
    config: { isPublic: true },
    schema: {
      security: [],
      operationId: 'getService',
      tags: ['operation'],
      summary: 'This service',
      description: 'Name, version and links; for browsers, which prefer `text/html`, the Explorer: a page that shows ' +
        'samples, batches and statistics.',
      response: { 200: uncached('The service.', 'Service'), ...probeProblems(417) }
    }
  }, (request, reply) => {
    const { basePath } = app
    reply.header('vary', 'Accept')
    const preferred = new Negotiator(request).mediaType(['application/json', 'text/html'])
    if (page === undefined || preferred !== 'text/html') {
      return respondJson(reply, { name, version, description, links: below(basePath) })
    }
    // Relative addresses of the page need the slash.
    if (basePath !== '' && pathOf(request.originalUrl) === basePath) {
      reply.raw.statusCode = 308
      return writeBody(reply.header('location', `${basePath}/`), bodyOf(Buffer.alloc(0)))
    }
    reply.headers({ etag: page.etag, 'cache-control': 'no-cache' })
    if (fresh(request.headers, { etag: page.etag })) return writeNotModified(reply)
    return sendPage(reply, page.html)
  })

  if (!page) return
  await app.register(async assets => {
    // The page itself asks for a key.
    assets.addHook('onRoute', route => { route.config = { ...route.config, isPublic: true } })
    await assets.register(fastifyStatic, {
      root: fileURLToPath(new URL('assets/', folder)),
      prefix: '/assets/',
      decorateReply: false,
      index: false,
      // Their names have hashes of their contents.
      immutable: true,
      maxAge: '1y',
      preCompressed: true
    })
  })
}

function below (basePath: string): typeof links {
  return Object.fromEntries(Object.entries(links).map(([name, path]) => [name, basePath + path])) as typeof links
}

interface Page {
  readonly html: Buffer
  readonly etag: string
}

/** Undefined if it is not built. */
function readPage (folder: URL): Page | undefined {
  const file = new URL('index.html', folder)
  if (!existsSync(file)) return undefined
  const html = readFileSync(file)
  return { html, etag: `"${sha256(html).slice(0, 16)}"` }
}

function sendPage (reply: FastifyReply, html: Buffer): FastifyReply {
  reply.headers({
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin'
  })
  return writeBody(reply.type('text/html; charset=utf-8'), bodyOf(html))
}
