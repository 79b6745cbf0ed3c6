import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Server, createSecureContext } from 'node:tls'
import plugin from 'fastify-plugin'
import { ServiceError, messageOf } from '../../errors.ts'

/** A certificate with its chain, and its private key, both in PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** When the last certificate of the chain becomes valid. */
  readonly validFrom: Date
  /** When the first one expires. */
  readonly expires: Date
}

/**
 * Reads a certificate and its key from files, and checks that they belong together.
 *
 * @throws ServiceError invalid_configuration
 */
export async function readCertificate (files: { cert: string, key: string }): Promise<Certificate> {
  const cert = await read('TLS_CERT', files.cert)
  const key = await read('TLS_KEY', files.key)
  try {
    createSecureContext({ cert, key })
    return { cert, key, ...validityOf(cert) }
  } catch (cause) {
    const detail = `TLS_CERT and TLS_KEY are not a certificate and its key: ${messageOf(cause)}`
    throw new ServiceError('invalid_configuration', detail, { cause })
  }
}

/** The time in which all certificates of a chain are valid. */
function validityOf (chain: Buffer): Pick<Certificate, 'validFrom' | 'expires'> {
  const pem = chain.toString('latin1').match(/-----BEGIN ([\w ]*CERTIFICATE)-----.+?-----END \1-----/gs) ?? []
  const certificates = pem.map(text => new X509Certificate(text))
  return {
    validFrom: new Date(Math.max(...certificates.map(({ validFrom }) => Date.parse(validFrom)))),
    expires: new Date(Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))))
  }
}

async function read (name: string, file: string): Promise<Buffer> {
  return await readFile(file).catch(cause => {
    throw new ServiceError('invalid_configuration', `${name} cannot be read: ${messageOf(cause)}`, { cause })
  })
}

export interface CertificateOptions {
  /** For HTTPS. */
  readonly certificate: Certificate | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The certificate that new connections get; undefined without HTTPS. */
    readonly certificate: { current: Certificate } | undefined
    /** Connections that are opened from then on get this certificate. */
    replaceCertificate (certificate: Certificate): void
  }
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Days before its end in which a certificate should have been renewed. */
const SOON_DAYS = 14

/** Certificates that live only for days are renewed within the last third of their lives. */
const SOON_SHARE = 1 / 3

/** Warns every day about a certificate that clients reject, or soon will. */
export default plugin(async (app, { certificate }: CertificateOptions) => {
  const holder = certificate && { current: certificate }
  app.decorate('certificate', holder)
  const warn = (): void => {
    const warning = describeValidity(holder!.current, Date.now())
    if (warning) app.log.warn(warning)
  }
  app.decorate('replaceCertificate', next => {
    const server: object = app.server
    ;(server as Server).setSecureContext({ cert: next.cert, key: next.key })
    holder!.current = next
    warn()
  })
  if (!certificate) return
  warn()
  const daily = setInterval(warn, DAY_MS).unref()
  app.addHook('onClose', () => clearInterval(daily))
}, { name: 'certificate' })

/** Why a certificate needs attention; undefined if it needs none. */
export function describeValidity ({ validFrom, expires }: Certificate, now: number): string | undefined {
  const date = (time: Date): string => time.toISOString().slice(0, 16).replace('T', ' ') + ' UTC'
  if (now < validFrom.getTime()) return `the certificate is only valid from ${date(validFrom)} on: clients reject it`
  const left = expires.getTime() - now
  if (left <= 0) return `the certificate expired at ${date(expires)}: clients reject it`
  const soon = Math.min(SOON_DAYS * DAY_MS, SOON_SHARE * (expires.getTime() - validFrom.getTime()))
  return left < soon ? `the certificate expires at ${date(expires)}: renew it` : undefined
}
