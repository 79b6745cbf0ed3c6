import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Characters of UUIDs, ULIDs, trace ids and base64, none of which needs escaping in a log or a header. */
const SAFE_ID = /^[\w.~:@+/=-]{1,128}$/

/** The id that a client or proxy gave a request in `X-Request-Id`; a new one if it has none, or an unsafe one. */
export function createRequestId ({ headers: { 'x-request-id': id } }: Pick<IncomingMessage, 'headers'>): string {
  return typeof id === 'string' && SAFE_ID.test(id) ? id : randomUUID()
}
