import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { ServiceError, messageOf } from '../errors.ts'

/** A certificate with its chain, and its private key, both in PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Reads a certificate and its key from files, and checks that they belong together.
 *
 * @throws ServiceError invalid_configuration
 */
export async function readCertificate (files: { cert: string, key: string }): Promise<Certificate> {
  const certificate = {
    cert: await read('TLS_CERT', files.cert),
    key: await read('TLS_KEY', files.key)
  }
  try {
    createSecureContext(certificate)
  } catch (cause) {
    const detail = `TLS_CERT and TLS_KEY are not a certificate and its key: ${messageOf(cause)}`
    throw new ServiceError('invalid_configuration', detail, { cause })
  }
  return certificate
}

async function read (name: string, file: string): Promise<Buffer> {
  return await readFile(file).catch(cause => {
    throw new ServiceError('invalid_configuration', `${name} cannot be read: ${messageOf(cause)}`, { cause })
  })
}
