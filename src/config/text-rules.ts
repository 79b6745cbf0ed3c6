import { isIP } from 'node:net'
import { sourceNames } from '../dataset/settings.ts'
import type { Environment, Variables } from './environment.ts'

/** The values of settings that are more than one word. */

/** The distinct items of a comma-separated list. */
export function parseList (value: string): string[] {
  return [...new Set(value.split(',').map(item => item.trim()).filter(item => item !== ''))]
}

/** The fraction of successes to log; NaN for an invalid value. */
export function parseAccessLog (value: string): number {
  if (value === 'all') return 1
  if (value === 'errors') return 0
  return /^\d*\.?\d+$/.test(value) ? Number(value) : NaN
}

/** Bytes that every system has room for; some versions of Node cut a longer path off. */
const MAX_SOCKET_PATH = 103

/** A constraint on text that JSON Schema cannot express. */
interface TextRule {
  readonly allowed: string
  accepts (value: string): boolean
}

/** The constraints on these variables; some depend on which others are set. */
export function createTextRules (
  datasets: readonly string[],
  data: Variables
): Readonly<Partial<Record<keyof Environment, TextRule>>> {
  const listOf = (allowed: string, accepts: (item: string) => boolean): TextRule => ({
    allowed,
    accepts: value => parseList(value).length > 0 && parseList(value).every(accepts)
  })
  const subsetOf = (names: readonly string[]): TextRule => {
    return listOf(`some of ${names.join(', ')}`, name => names.includes(name))
  }
  return {
    HOST: {
      allowed: `an address, a name, or unix: and an absolute path of at most ${MAX_SOCKET_PATH} bytes`,
      accepts: value => {
        const [, path] = /^unix:(.*)/.exec(value.trim()) ?? []
        return path === undefined || (path.startsWith('/') && Buffer.byteLength(path) <= MAX_SOCKET_PATH)
      }
    },
    TLS_CERT: { allowed: 'set together with TLS_KEY', accepts: () => data['TLS_KEY'] !== undefined },
    TLS_KEY: { allowed: 'set together with TLS_CERT', accepts: () => data['TLS_CERT'] !== undefined },
    BASE_PATH: {
      allowed: 'a path such as /mnist, of letters, digits and - . _ ~',
      accepts: value => /^(\/(?!\.+(\/|$))[\w.~-]+)*\/?$/.test(value.trim())
    },
    TRUST_PROXY: {
      allowed: 'addresses, networks such as 10.0.0.0/8, or unix',
      accepts: value => parseList(value).length > 0 && parseList(value).every(isNetwork)
    },
    // Also the name of a folder in SOURCE_DIR, which must not lead out of it.
    DATASETS: data['SOURCE_DIR'] !== undefined
      ? listOf('names of small letters, digits, - and _', name => /^[a-z0-9][a-z0-9_-]*$/.test(name))
      : subsetOf(datasets),
    SOURCES: subsetOf(sourceNames),
    MIRRORS: {
      allowed: 'http or https addresses',
      accepts: value => parseList(value).every(item => isHttpUrl(item.replaceAll('{dataset}', 'name')))
    },
    OPENML_URL: { allowed: 'an http or https address', accepts: isHttpUrl },
    PUBLIC_URL: {
      allowed: 'an http or https address without credentials, query or fragment',
      accepts: value => isHttpUrl(value) && !/[?#@]/.test(value)
    },
    OTEL_EXPORTER_OTLP_ENDPOINT: { allowed: 'an http or https address', accepts: isHttpUrl },
    ACCESS_LOG: {
      allowed: 'all, errors or a fraction from 0 to 1',
      accepts: value => {
        const fraction = parseAccessLog(value.trim())
        return fraction >= 0 && fraction <= 1
      }
    },
    CORS_ORIGIN: {
      allowed: '*, none, or origins as browsers send them, such as https://example.org, without a path or slash at the end',
      accepts: value => value.trim() === 'none' || (parseList(value).length > 0 && parseList(value).every(isOrigin))
    }
  }
}

/** Whether a text is an address, a network, or `unix`. */
function isNetwork (text: string): boolean {
  const [address, bits, ...others] = text.split('/')
  const version = isIP(address!)
  if (version === 0) return text === 'unix'
  if (bits === undefined) return true
  return others.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
}

function isHttpUrl (text: string): boolean {
  return /^\s*https?:\/\//i.test(text) && URL.canParse(text)
}

/** Whether a text equals the Origin header of some browser, or is `*`. */
function isOrigin (text: string): boolean {
  if (text === '*' || text === 'null') return true
  if (/^https?:/.test(text)) return URL.canParse(text) && new URL(text).origin === text && !text.includes('*')
  // Such as those of browser extensions.
  return /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/.test(text)
}
