import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { envSchema } from 'env-schema'
import type { XStatic } from 'typebox/schema'
import { describeAllowed, type ValueSchema } from './io/describe-schema.ts'
import {
  sourceNames, type BackendChoice, type PrepareSettings, type SourceName, type SplitSettings
} from './dataset/settings.ts'
import { environment, type logLevels } from './environment.ts'
import { ServiceError } from './errors.ts'

export interface Config {
  /** An address, a name, or the path of a Unix socket after `unix:`. */
  readonly host: string
  readonly port: number
  /** Files, in PEM. */
  readonly tls: { readonly cert: string, readonly key: string } | undefined
  /** Path below which the service is published: empty, or with a slash at its start and none at its end. */
  readonly basePath: string
  /** Addresses and networks; `unix` stands for the Unix socket. */
  readonly trustedProxies: readonly string[]
  readonly dataFolder: string
  readonly keepPrepared: number
  readonly datasets: readonly string[]
  readonly sources: {
    readonly order: readonly SourceName[]
    readonly folder: string | undefined
    readonly mirrors: readonly string[]
    readonly openmlUrl: string
    readonly offline: boolean
    readonly proxies: {
      readonly http?: ProxyVariable
      readonly https?: ProxyVariable
      /** Hosts that are reached without a proxy. */
      readonly none: string
    }
  }
  readonly split: SplitSettings
  readonly prepare: PrepareSettings
  readonly backend: BackendChoice
  readonly maxBatchSize: number
  /** Bytes for concurrent compression and augmentation. */
  readonly workMemory: number
  /** A file of API keys. */
  readonly apiKeysFile: string | undefined
  readonly cacheAuthenticated: boolean
  /** Requests per minute of a client; 0 for any number. */
  readonly rateLimit: number
  readonly maxConnections: number
  /** Requests of a connection; 0 for any number. */
  readonly maxRequestsPerSocket: number
  readonly keepAliveTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly stallTimeoutMs: number
  readonly threads: number
  readonly shutdownDelayMs: number
  /** Pause after the first failure of a dataset. */
  readonly retryDelayMs: number
  readonly exitOnFailure: boolean
  /** Of `/metrics` alone; undefined for that of everything else. */
  readonly metricsPort: number | undefined
  /** Address of an OpenTelemetry collector. */
  readonly otlpEndpoint: string | undefined
  readonly logLevel: (typeof logLevels)[number]
  /** The fraction of successful requests to log. */
  readonly loggedSuccesses: number
  readonly corsOrigins: readonly string[]
  /** Address of the service for clients, with a slash at its end. */
  readonly publicUrl: string | undefined
}

/** A proxy, and the variable that it comes from. It is checked when it is used. */
interface ProxyVariable {
  readonly variable: string
  readonly address: string
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * Reads the configuration from environment variables. Empty or blank ones count as not set.
 *
 * @param datasets names of the datasets in the catalogue
 * @throws ServiceError invalid_configuration: names every invalid variable and its allowed values
 */
export function loadConfig (datasets: readonly string[], env: Variables = process.env): Config {
  const values = validate(datasets, env)
  return Object.freeze({
    host: values.HOST.trim(),
    port: values.PORT,
    tls: values.TLS_CERT ? { cert: values.TLS_CERT, key: values.TLS_KEY } : undefined,
    basePath: values.BASE_PATH.trim().replace(/\/+$/, ''),
    trustedProxies: parseList(values.TRUST_PROXY),
    dataFolder: values.DATA_DIR,
    keepPrepared: values.KEEP_PREPARED,
    datasets: parseList(values.DATASETS),
    sources: {
      order: parseList(values.SOURCES) as SourceName[],
      folder: values.SOURCE_DIR || undefined,
      mirrors: parseList(values.MIRRORS),
      openmlUrl: values.OPENML_URL.trim(),
      offline: values.OFFLINE === '1',
      proxies: findProxies(env)
    },
    split: { mode: values.SPLIT, valFraction: values.VAL_FRACTION, seed: values.SPLIT_SEED },
    prepare: { denoise: values.DENOISE, meanOver: values.MEAN_OVER },
    backend: values.TFJS_BACKEND,
    maxBatchSize: values.MAX_BATCH_SIZE,
    workMemory: values.WORK_MEMORY * 2 ** 20,
    apiKeysFile: values.API_KEYS_FILE || undefined,
    cacheAuthenticated: values.CACHE_AUTHENTICATED === '1',
    rateLimit: values.RATE_LIMIT,
    maxConnections: values.MAX_CONNECTIONS,
    maxRequestsPerSocket: values.MAX_REQUESTS_PER_SOCKET,
    keepAliveTimeoutMs: values.KEEP_ALIVE_TIMEOUT * 1000,
    headersTimeoutMs: values.HEADERS_TIMEOUT * 1000,
    requestTimeoutMs: values.REQUEST_TIMEOUT * 1000,
    stallTimeoutMs: values.STALL_TIMEOUT * 1000,
    threads: values.THREADS ?? availableParallelism(),
    shutdownDelayMs: values.SHUTDOWN_DELAY * 1000,
    retryDelayMs: values.RETRY_DELAY * 1000,
    exitOnFailure: values.EXIT_ON_FAILURE === '1',
    metricsPort: values.METRICS_PORT,
    otlpEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT.trim() || undefined,
    logLevel: values.LOG_LEVEL,
    loggedSuccesses: parseAccessLog(values.ACCESS_LOG.trim()),
    corsOrigins: parseList(values.CORS_ORIGIN).filter(origin => origin !== 'none'),
    publicUrl: values.PUBLIC_URL ? values.PUBLIC_URL.trim().replace(/\/*$/, '/') : undefined
  })
}

type Environment = Required<XStatic<typeof environment>>

function validate (datasets: readonly string[], env: Variables): Environment {
  const names = Object.keys(environment.properties) as Array<keyof Environment>
  const data = Object.fromEntries(names.filter(name => env[name]?.trim()).map(name => [name, env[name]!]))
  const textRules = createTextRules(datasets, data)
  const invalid = new Set<string>(names.filter(name => {
    const value = data[name]
    return value !== undefined && (isInfinite(name, value) || textRules[name]?.accepts(value) === false)
  }))
  try {
    const values = envSchema<Environment>({ schema: environment, data, env: false })
    if (invalid.size === 0) return values
  } catch (cause) {
    const { errors } = cause as { errors: ReadonlyArray<{ instancePath: string }> }
    for (const { instancePath } of errors) invalid.add(instancePath.slice(1))
  }
  const messages = names.filter(name => invalid.has(name)).map(name => {
    const allowed = textRules[name]?.allowed ?? describeAllowed(environment.properties[name])
    const value = addressLists.includes(name) ? withoutSecrets(env[name]!) : env[name]
    return `${name} must be ${allowed}, got '${value}'`
  })
  throw new ServiceError('invalid_configuration', messages.join('; '))
}

/** Settings whose values may have credentials. */
const addressLists: ReadonlyArray<keyof Environment> = [
  'MIRRORS', 'OPENML_URL', 'PUBLIC_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT'
]

/** Addresses, valid or not, without credentials and queries. */
function withoutSecrets (addresses: string): string {
  const withoutCredentials = addresses.replaceAll(/:\/\/[^/@]*@/g, '://')
  return withoutCredentials.split(',').map(item => item.replace(/^(.*:\/\/)?.*@/, '$1').replace(/[?#].*/, '')).join(',')
}

/** The proxies that other programs use as well; lower case takes precedence, as for curl. */
function findProxies (env: Variables): Config['sources']['proxies'] {
  const find = (name: string): ProxyVariable | undefined => {
    const variable = [name.toLowerCase(), name].find(variable => env[variable]?.trim())
    return variable === undefined ? undefined : { variable, address: env[variable]!.trim() }
  }
  const [http, https, none] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map(find)
  return { ...(http && { http }), ...(https && { https }), none: none?.address ?? '' }
}

/** Bytes that every system has room for; some versions of Node cut a longer path off. */
const MAX_SOCKET_PATH = 103

/** A constraint on text that JSON Schema cannot express. */
interface TextRule {
  readonly allowed: string
  accepts (value: string): boolean
}

function createTextRules (
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

/** The fraction of successes to log; NaN for an invalid value. */
function parseAccessLog (value: string): number {
  if (value === 'all') return 1
  if (value === 'errors') return 0
  return /^\d*\.?\d+$/.test(value) ? Number(value) : NaN
}

/** Whether a text equals the Origin header of some browser, or is `*`. */
function isOrigin (text: string): boolean {
  if (text === '*' || text === 'null') return true
  if (/^https?:/.test(text)) return URL.canParse(text) && new URL(text).origin === text && !text.includes('*')
  // Such as those of browser extensions.
  return /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+$/.test(text)
}

/** Ajv accepts infinite numbers whatever the minimum and maximum. */
function isInfinite (name: keyof Environment, value: string): boolean {
  const schema: ValueSchema = environment.properties[name]
  return schema.minimum !== undefined && Math.abs(Number(value)) === Infinity
}

/** The distinct items of a comma-separated list. */
function parseList (value: string): string[] {
  return [...new Set(value.split(',').map(item => item.trim()).filter(item => item !== ''))]
}
