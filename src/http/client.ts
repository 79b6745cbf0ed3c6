import type { FastifyRequest } from 'fastify'
import { networkOf } from './address.ts'

/** Whose requests are counted together: those of a key or, without one, of an address. */
export function clientOf ({ keyName, clientAddress }: FastifyRequest): string {
  if (keyName !== undefined) return `key ${keyName}`
  return clientAddress === undefined ? 'no address' : `address ${networkOf(clientAddress)}`
}
