import type { FastifyRequest } from 'fastify'

/** Whose requests are counted together: those of a key or, without one, of an address. */
export function clientOf ({ keyName, clientAddress }: FastifyRequest): string {
  return keyName === undefined ? `address ${clientAddress}` : `key ${keyName}`
}
