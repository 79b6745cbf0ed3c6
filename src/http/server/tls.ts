import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
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
