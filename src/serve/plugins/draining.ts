import plugin from 'fastify-plugin'

/**
 * Lets the server close as soon as its last response is sent. Node closes the connections that are idle when closing
 * begins; those that were busy then would be kept open for a next request until they time out.
 */
export default plugin(async app => {
  let closing = false
  app.addHook('preClose', async () => { closing = true })
  app.addHook('onResponse', async () => {
    if (closing) setImmediate(() => app.server.closeIdleConnections())
  })
}, { name: 'draining' })
