import t from 'tap'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

const dataset = prepared({ train: 30, val: 10, test: 5 })

t.test('an unexpected error reveals no internals to the client, and is logged in full', async t => {
  const { app, registry, log } = await appOver(t, [dataset])
  registry.state = () => { throw new TypeError('secret of /srv/app') }
  const response = await app.inject({ url: '/v1/datasets/made-up', headers: { 'x-request-id': 'abc' } })
  t.equal(response.statusCode, 500)
  t.match(response.json(), { code: 'internal', request_id: 'abc' })
  t.notMatch(response.body, /secret|TypeError|\.ts/)
  t.match(log, [
    { msg: 'unexpected error', reqId: 'abc', err: { message: 'secret of /srv/app' } },
    { msg: 'request', status: 500 }
  ])
})

t.test('unknown routes and methods are 404', async t => {
  const { app } = await appOver(t, [dataset])
  const url = '/v1/datasets/made-up/splits/train/batches'
  const response = await app.inject(`${url}/`)
  t.equal(response.statusCode, 404)
  t.match(response.json(), {
    type: 'urn:mnist-batch-server:problem:unknown_route',
    status: 404,
    code: 'unknown_route',
    detail: `there is no GET ${url}/`
  })
  t.equal(response.headers['cache-control'], 'no-store')
  const post = await app.inject({ method: 'POST', url })
  t.match(post.json(), { code: 'unknown_route', detail: `there is no POST ${url}` })
})
