/** A failed `fetch`: its reason, whether another attempt may succeed, and advice. */
export interface Failure {
  /** A short reason, such as `ECONNREFUSED`. */
  readonly reason: string
  /** Whether every other attempt would fail, too. */
  readonly isFinal: boolean
  /** Advice to the user; empty if there is none. */
  readonly advice: string
}

const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/
/** A server that ends a handshake early may be restarting. */
const TLS = /^(EPROTO|ERR_TLS|ERR_SSL_(?!.*EOF))/
const INVALID = /^(EINVAL|EACCES|EPERM|EAFNOSUPPORT|ERR_INVALID|HPE_INVALID_(?!EOF))/
/** Errors of `fetch` that have no code. */
const REJECTED = /bad port|unknown scheme|redirect|protocol/

const RUNNING = 'Is the server running? npm start'

export function describeFailure (thrown: unknown): Failure {
  const { code, message } = findCause(thrown)
  const reason = code ?? message
  if (code === undefined) return { reason, isFinal: REJECTED.test(message), advice: '' }
  if (CERTIFICATE.test(code)) {
    const advice = 'Its certificate is not trusted: use the name in the certificate, or set NODE_EXTRA_CA_CERTS'
    return { reason, isFinal: true, advice }
  }
  if (TLS.test(code)) return { reason, isFinal: true, advice: 'Does it speak HTTPS? If not, use http://' }
  if (INVALID.test(code)) return { reason, isFinal: true, advice: 'Correct its address' }
  return { reason, isFinal: false, advice: code === 'ECONNREFUSED' ? RUNNING : '' }
}

/** Node.js gives the reason of a general error as its cause, and browsers give none. */
function findCause (thrown: unknown): { code: string | undefined, message: string } {
  if (!(thrown instanceof Error)) return { code: undefined, message: String(thrown) }
  if (thrown.cause instanceof Error) return findCause(thrown.cause)
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined
  return { code, message: thrown.message }
}
