import t from 'tap'
import { appOver } from '../../fixtures/app.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

t.test('a request keeps a safe id, and gets a new one instead of any other', async t => {
  const { app, log } = await appOver(t, [])
  const safe = ['7', 'a'.repeat(128), '0af7651916cd43dd8448eb211c80319c', 'Root=1-67891233-abcdef012345678912345678']
  for (const id of safe) {
    const { headers } = await app.inject({ url: '/healthz', headers: { 'x-request-id': id } })
    t.same([headers['x-request-id'], log.at(-1)!.reqId], [id, id])
  }
  for (const id of ['', 'a'.repeat(129), 'a b', '<script>', '"', '{"a":1}', '\u00e9', 'a, b', '%0a']) {
    // The last one cannot be routed.
    for (const url of ['/healthz', '/nowhere', '/%']) {
      const { headers } = await app.inject({ url, headers: { 'x-request-id': id } })
      t.match([headers['x-request-id'], log.at(-1)!.reqId], [uuid, uuid])
    }
  }
})
