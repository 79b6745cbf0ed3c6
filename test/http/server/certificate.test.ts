import { writeFile } from 'node:fs/promises'
import { mock } from 'node:test'
import t from 'tap'
import { describeValidity, readCertificate, type Certificate } from '../../../src/http/server/certificate.ts'
import { appOver } from '../../fixtures/app.ts'
import { root } from '../../fixtures/root.ts'

const DAY_MS = 86_400_000
const pem = (name: string): string => new URL(`test/fixtures/certificates/${name}.pem`, root).pathname
const first = await readCertificate({ cert: pem('first'), key: pem('first-key') })

const validFor = (days: number, left: number): Certificate => {
  const expires = new Date(Date.now() + left * DAY_MS)
  return { ...first, expires, validFrom: new Date(expires.getTime() - days * DAY_MS) }
}

t.test('the chain is valid while all of its certificates are', async t => {
  const folder = t.testdir({ chain: '' })
  const second = await readCertificate({ cert: pem('second'), key: pem('second-key') })
  await writeFile(`${folder}/chain`, Buffer.concat([first.cert, second.cert]))
  const chain = await readCertificate({ cert: `${folder}/chain`, key: pem('first-key') })
  t.same(chain.expires, new Date(Math.min(first.expires.getTime(), second.expires.getTime())))
  t.same(chain.validFrom, new Date(Math.max(first.validFrom.getTime(), second.validFrom.getTime())))
})

t.test('a certificate that clients reject, or soon will, needs attention', async t => {
  const describe = (certificate: Certificate) => describeValidity(certificate, Date.now())
  for (const [days, left] of [[90, 15], [36_500, 15], [6, 3], [1, 0.5]] as const) {
    t.equal(describe(validFor(days, left)), undefined, `${left} of ${days} days are left`)
  }
  for (const [days, left] of [[90, 13], [365, 1], [6, 1], [1, 0.2]] as const) {
    t.match(describe(validFor(days, left)), /^the certificate expires at [\d-]+ [\d:]+ UTC: renew it$/)
  }
  t.match(describe(validFor(90, -1)), /^the certificate expired at [\d-]+ [\d:]+ UTC: clients reject it$/)
  t.match(describe(validFor(90, 91)), /^the certificate is only valid from [\d-]+ [\d:]+ UTC on: clients reject it$/)
})

t.test('the log warns every day until the certificate is renewed, and metrics have its expiry', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const certificate = validFor(90, 3)
  const { app, log } = await appOver(t, [], {}, undefined, { certificate })
  const warnings = (): number => log.filter(({ msg }) => msg.startsWith('the certificate expires')).length
  const metric = async (): Promise<number> => {
    const { body } = await app.inject('/metrics')
    const [, value] = /^batch_server_certificate_expiry_timestamp_seconds (\S+)$/m.exec(body)!
    return Number(value)
  }
  t.equal(warnings(), 1)
  t.equal(await metric(), certificate.expires.getTime() / 1000)
  mock.timers.tick(DAY_MS)
  t.equal(warnings(), 2)
  app.replaceCertificate(first)
  mock.timers.tick(DAY_MS)
  t.equal(warnings(), 2)
  t.equal(await metric(), first.expires.getTime() / 1000)
})

t.test('without HTTPS, there is no such metric', async t => {
  const { app } = await appOver(t, [])
  t.notMatch((await app.inject('/metrics')).body, 'batch_server_certificate')
})
