/** The minimum that Fastify does for a request to the service: a route with an empty body. Prints its address. */
import fastify from 'fastify'

const app = fastify()
app.get('/v1/datasets/:dataset/splits/:split/batches', (request, reply) => { reply.send() })
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.once('SIGTERM', () => process.exit())
