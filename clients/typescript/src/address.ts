import type { TransportOptions } from './transport.js'
import { assertOptions, callback, seconds, show, type Rules } from './validate.js'

/** A token is a secret, so no error shows it. */
function assertToken (_name: string, token: unknown): void {
  if (typeof token !== 'string') throw new TypeError('token must be a text')
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new RangeError('token must consist of printable ASCII characters without white space, see token.trim()')
  }
}

const rules: Rules<TransportOptions> = {
  token: assertToken,
  giveUpAfter: seconds(0),
  timeout: seconds(0.001),
  fetch: callback,
  onPreparing: callback,
  onWarning: callback
}

const suggestions = {
  retries: 'giveUpAfter is the number of seconds for which requests are retried, and 0 for no retry',
  timeoutMs: 'timeout is the same in seconds'
}

/** @throws TypeError, RangeError naming the option and its allowed values */
export function assertClientOptions (options: unknown): asserts options is TransportOptions {
  assertOptions(options, rules, suggestions)
}

/**
 * @returns the address without a slash at its end
 * @throws TypeError, RangeError; never with a password
 */
export function parseAddress (address: unknown): string {
  if (typeof address !== 'string' && !(address instanceof URL)) {
    throw new TypeError(`the address of a server must be a text such as http://host:8080, got ${show(address)}`)
  }
  const text = String(address).trim()
  // A password may be before an @, and a token after a ?.
  const shown = /[@?]/.test(text) ? '' : `, got ${show(text)}`
  if (!/^https?:\/\//i.test(text)) {
    throw new RangeError(`the address of a server must begin with http:// or https://${shown}`)
  }
  const { origin, pathname, username, password, search, hash, port } = parseUrl(text, shown)
  if (username || password) {
    throw new RangeError('the address of a server must have no user and password: pass an API key as token')
  }
  if (search || hash) throw new RangeError(`the address of a server must have neither ? nor #${shown}`)
  if (port === '0') throw new RangeError(`the address of a server must have a port from 1 to 65535${shown}`)
  return origin + pathname.replace(/\/+$/, '')
}

function parseUrl (text: string, shown: string): URL {
  try {
    return new URL(text)
  } catch {
    // Not the error itself, which may show a password.
    const port = Number(/:(\d+)(?:\/|$)/.exec(text)?.[1])
    const reason = port > 65535 ? 'have a port from 1 to 65535' : 'look like http://host:8080'
    throw new RangeError(`the address of a server must ${reason}${shown}`)
  }
}
