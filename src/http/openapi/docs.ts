import { readFileSync } from 'node:fs'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import plugin from 'fastify-plugin'
import { addExamples } from './examples.ts'
import { Problem } from './schemas/problem.ts'

const { version, description } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

/** How a client recomputes an order; the vectors are those of the tests of split/order.ts. */
const orderText = `**Order of an epoch.** With \`seed\` and \`epoch\`, samples i = 0 … n−1 are sorted by \`key(i)\`, ascending; all arithmetic is unsigned 32-bit, and \`mix\` is MurmurHash3's 32-bit finalizer:

    mix(h): h ^= h >> 16; h *= 0x85EBCA6B; h ^= h >> 13; h *= 0xC2B2AE35; h ^= h >> 16
    a      = mix(seed)
    b      = mix(a XOR mix(epoch + 0x9E3779B9))
    key(i) = mix(mix(i XOR a) + b)

The first ids of n = 10: seed 0 epoch 0: 9 6 1 0 5 8 7 2 3 4; seed 0 epoch 1: 3 7 9 8 6 4 1 0 2 5; seed 1 epoch 0: 2 6 4 1 0 9 3 7 8 5; seed 42 epoch 1: 7 3 9 0 4 6 5 2 1 8; seed 4294967295 epoch 7: 0 6 4 3 2 5 1 8 9 7. Of n = 48000: seed 42 epoch 0: 30747 16710 36672 17277 47917 23423 43500 37114.

**Shards.** With \`rank\` r and \`world_size\` W, page p covers the positions p·B·W up to (p+1)·B·W of the order, of which rank r gets the r-th run of B = \`batch_size\`.

**Augmentation.** All random numbers of a sample are words n = 0, 1, … of its key in that epoch, unsigned 32-bit: \`word(n) = mix(mix(n XOR key) + mix(key + 0x9E3779B9))\`. Sample 7 of seed 42 epoch 1 has the words 2419992669 2054241249 3363488989 2908192898. What is made of them is integer and float64 arithmetic without library functions, written out in the README, so the bytes are the same on every machine and anyone can recompute them.`

/** The OpenAPI document, made of the routes' own schemas, and the page that shows it. */
export default plugin(async app => {
  app.addSchema(Problem)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'mnist-batch-server', version, description: `${description}\n\n${orderText}`, license: { name: 'MIT', identifier: 'MIT' } },
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
