import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { ApiKeys } from '../../../src/http/plugins/api-keys.ts'
import { appOver } from '../../fixtures/app.ts'
import { prepared } from '../../fixtures/prepared.ts'

t.test('the docs page has a content security policy that works over plain HTTP', async t => {
  const { app } = await appOver(t, [prepared({ train: 30, val: 10, test: 5 })])
  const { statusCode, headers, body } = await app.inject('/docs/')
  t.equal(statusCode, 200)
  t.equal(headers['x-content-type-options'], 'nosniff')
  t.match(headers['content-security-policy'], /default-src 'self'/)
  t.notMatch(headers['content-security-policy'], /upgrade-insecure-requests/)
  t.match(headers['content-type'], 'text/html')
  t.match(body, 'swagger-ui')
})

t.test('/docs/yaml is the document, for those who have the required key', async t => {
  const folder = t.testdir({ keys: `a:${createHash('sha256').update('key').digest('hex')}` })
  const { app } = await appOver(t, [], {}, await ApiKeys.read(join(folder, 'keys')))
  const url = '/docs/yaml'
  t.equal((await app.inject(url)).statusCode, 401)
  const { headers, body } = await app.inject({ url, headers: { authorization: 'Bearer key' } })
  t.equal(headers['content-type'], 'application/x-yaml')
  t.same(parse(body), JSON.parse(JSON.stringify(app.swagger())))
})
