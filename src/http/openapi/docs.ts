import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import plugin from 'fastify-plugin'
import { addExamples } from './examples.ts'
import { Problem } from './schemas/problem.ts'

const { version, description } = createRequire(import.meta.url)('#package.json')

/** Specifies orders, shards and random numbers for clients that recompute them; docs/reproducibility.md contains it verbatim. */
const algorithms = readFileSync(new URL(import.meta.resolve('#openapi/description.md')), 'utf8')

/** The OpenAPI document, made of the routes' own schemas, and the page that shows it. */
export default plugin(async app => {
  app.addSchema(Problem)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'mnist-batch-server', version, description: `${description}\n\n${algorithms}`, license: { name: 'MIT', identifier: 'MIT' } },
      tags: [
        { name: 'datasets', description: 'What there is and how it was prepared.' },
        { name: 'splits', description: 'Train, validation and test samples, in batches or one by one.' },
        { name: 'operation', description: 'For whoever runs the server.' }
      ]
    },
    transformObject: document => {
      if (!('openapiObject' in document)) return document.swaggerObject
      addExamples(document.openapiObject as Parameters<typeof addExamples>[0])
      return document.openapiObject
    },
    refResolver: { buildLocalReference: (schema, _base, _fragment, i) => typeof schema['$id'] === 'string' ? schema['$id'] : `schema-${i}` }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    // Over plain HTTP nothing would answer what a browser upgrades.
    transformStaticCSP: header => header.replace(/ *upgrade-insecure-requests;?/, '')
  })

  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    return reply.header('cache-control', 'no-cache').send(app.swagger())
  })
}, { name: 'docs' })
