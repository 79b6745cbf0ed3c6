import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import plugin from 'fastify-plugin'
import { shareHeaders } from '../openapi/responses.ts'
import * as datasetSchemas from '../openapi/schemas/dataset-schemas.ts'
import * as stateSchemas from '../openapi/schemas/state-schemas.ts'
import { cacheControl, jsonBody } from '../response/respond.ts'
import { writeBody } from '../response/writer.ts'

const { version, description } = createRequire(import.meta.url)('#package.json')

/**
 * Specifies orders, shards and random numbers for clients that recompute them; docs/reproducibility.md contains it
 * verbatim.
 */
const algorithms = readFileSync(new URL(import.meta.resolve('#openapi/description.md')), 'utf8')

/** Bodies that the routes refer to by their `$id`. */
const sharedSchemas = [...Object.values(datasetSchemas), ...Object.values(stateSchemas)]

export interface DocsOptions {
  readonly basePath: string
}

/** The OpenAPI document, generated from the schemas of the routes, and the page that shows it. */
export default plugin(async (app, { basePath }: DocsOptions) => {
  for (const schema of sharedSchemas) app.addSchema(schema)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'mnist-batch-server',
        version,
        description: `${description}\n\n${algorithms}`,
        contact: { name: 'The operator of this server' },
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: basePath || '/', description: 'This server.' }],
      // A server without keys needs none.
      security: [{}, { apiKey: [] }],
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, where the server requires one.' }
        }
      },
      tags: [
        { name: 'datasets', description: 'The datasets and how they were prepared.' },
        { name: 'splits', description: 'Training, validation and test samples, in batches or one by one.' },
        { name: 'operation', description: 'For operators of the server.' }
      ]
    },
    transformObject: document => {
      if (!('openapiObject' in document)) return document.swaggerObject
      shareHeaders(document.openapiObject as Parameters<typeof shareHeaders>[0])
      addExamples(document.openapiObject as Parameters<typeof addExamples>[0])
      return document.openapiObject
    },
    refResolver: {
      buildLocalReference ({ $id: id }, _base, _fragment, i) {
        return typeof id === 'string' ? id : `schema-${i}`
      }
    }
  })

  await app.register(async page => {
    await page.register(helmet, {
      // The service is reached over plain HTTP, where upgraded requests would fail.
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
      strictTransportSecurity: false,
      crossOriginResourcePolicy: false
    })
    page.addHook('onSend', (_request, reply, payload, done) => {
      const location = reply.getHeader('location')
      if (typeof location === 'string' && location.startsWith('/')) reply.header('location', basePath + location)
      done(null, payload)
    })
    // JSON is YAML as well, and anything else would take a fifth of a second to write.
    page.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.url !== '/docs/yaml') return done()
      reply.type('application/x-yaml').send(JSON.stringify(app.swagger(), null, 2))
    })
    await page.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      transformStaticCSP: header => header.replace(/ *upgrade-insecure-requests;?/, '')
    })
  })

  app.get('/openapi.json', { schema: { hide: true } }, async (request, reply) => {
    reply.header('cache-control', cacheControl(request, false)).type('application/json; charset=utf-8')
    return writeBody(reply, jsonBody(app.swagger()))
  })
}, { name: 'docs' })

/** A request and its response: recorded and checked by the tests, shown in the docs. */
export interface Example {
  /** The operation of the OpenAPI document. */
  readonly operation: string
  /** State of the datasets at the time of the request. */
  readonly state: 'ready' | 'loading' | 'failed'
  /** GET by default. */
  readonly method?: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as `application/json` unless the headers say otherwise; a string is sent verbatim. */
  readonly body?: object | string
  readonly status: number
  /** Absent if the response has no body. */
  readonly mediaType?: string
  /** The JSON body with long lists shortened; of a binary body, a sentence with its size and hash. */
  readonly value?: unknown
}

interface ResponseObject {
  content?: Record<string, { examples?: Record<string, object> }>
  'x-examples'?: Record<string, object>
}

interface Operation {
  readonly operationId?: string
  readonly responses?: Record<string, ResponseObject>
}

interface Document {
  readonly paths?: Record<string, Readonly<Record<'get' | 'post', Operation | undefined>>>
}

export const examples: Example[] = createRequire(import.meta.url)('#openapi/examples.json')

/** Adds the examples to the responses of an OpenAPI document. */
function addExamples (document: Document): void {
  const operations = Object.values(document.paths ?? {})
    .flatMap(({ get, post }) => [get, post])
    .filter(operation => operation !== undefined)
  for (const { operationId, responses } of operations) {
    for (const example of examples.filter(({ operation }) => operation === operationId)) {
      const response = responses?.[example.status]
      const target = example.mediaType === undefined ? response : response?.content?.[example.mediaType]
      if (!target) continue
      const key = example.mediaType === undefined ? 'x-examples' : 'examples'
      const list: Record<string, object> = (target as Record<string, Record<string, object>>)[key] ??= {}
      list[`example-${Object.keys(list).length + 1}`] = describe(example)
    }
  }
}

function describe ({ method = 'GET', state, url, headers, body, value }: Example): object {
  const given = Object.entries(headers ?? {}).map(([name, content]) => ` with ${name}: ${content}`).join('')
  const sent = body === undefined ? '' : ` of ${typeof body === 'string' ? body : JSON.stringify(body)}`
  return {
    summary: `${method} ${url}${sent}${given}${state === 'ready' ? '' : ` while ${state}`}`,
    ...(value !== undefined && { value })
  }
}
