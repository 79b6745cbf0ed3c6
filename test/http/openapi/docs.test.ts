import t from 'tap'
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
