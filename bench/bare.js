/** The least that Fastify does for such a request as the service gets: a route that answers with nothing. Prints its address. */
import fastify from 'fastify'

const app = fastify()
app.get('/v1/datasets/:dataset/splits/:split/batches', (request, reply) => { reply.send() })
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.once('SIGTERM', () => process.exit())
