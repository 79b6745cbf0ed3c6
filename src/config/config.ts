import { envSchema } from 'env-schema'
import type { BackendChoice, PrepareSettings, SourceName, SplitSettings } from '../dataset/settings.ts'
import { ServiceError } from '../errors.ts'
import { describeAllowed, type ValueSchema } from './describe-schema.ts'
import { type Variables, type logLevels, environment, type Environment } from './environment.ts'
import { readResources, type Resources, describeWorkMemory, resolveThreads } from './resources.ts'
import { parseAccessLog, parseList, createTextRules } from './text-rules.ts'

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
  readonly maxConnectionsPerAddress: number
  /** Requests of a connection; 0 for any number. */
  readonly maxRequestsPerSocket: number
  readonly keepAliveTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly stallTimeoutMs: number
  readonly threads: number
  /** Why there are so many threads, for the log. */
  readonly threadsReason: string
  /** Settings that may be more than the process has room for, for the log. */
  readonly warnings: readonly string[]
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

/**
 * Reads the configuration from environment variables. Empty or blank ones count as not set.
 *
 * @param datasets names of the datasets in the catalogue
 * @throws ServiceError invalid_configuration: names every invalid variable and its allowed values
 */
export function loadConfig (
  datasets: readonly string[],
  env: Variables = process.env,
  resources: Resources = readResources()
): Config {
  const values = validate(datasets, env)
  const workMemory = values.WORK_MEMORY * 2 ** 20
  const threads = resolveThreads(values.THREADS, resources)
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
    workMemory,
    apiKeysFile: values.API_KEYS_FILE || undefined,
    cacheAuthenticated: values.CACHE_AUTHENTICATED === '1',
    rateLimit: values.RATE_LIMIT,
    maxConnections: values.MAX_CONNECTIONS,
    maxConnectionsPerAddress: values.MAX_CONNECTIONS_PER_ADDRESS ?? Math.ceil(values.MAX_CONNECTIONS / 2),
    maxRequestsPerSocket: values.MAX_REQUESTS_PER_SOCKET,
    keepAliveTimeoutMs: values.KEEP_ALIVE_TIMEOUT * 1000,
    headersTimeoutMs: values.HEADERS_TIMEOUT * 1000,
    requestTimeoutMs: values.REQUEST_TIMEOUT * 1000,
    stallTimeoutMs: values.STALL_TIMEOUT * 1000,
    threads: threads.count,
    threadsReason: threads.reason,
    warnings: [threads.warning, describeWorkMemory(workMemory, resources)].filter(warning => warning !== undefined),
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

/** The proxies that other programs use as well; lower case takes precedence, as for curl. */
function findProxies (env: Variables): Config['sources']['proxies'] {
  const find = (name: string): ProxyVariable | undefined => {
    const variable = [name.toLowerCase(), name].find(variable => env[variable]?.trim())
    return variable === undefined ? undefined : { variable, address: env[variable]!.trim() }
  }
  const [http, https, none] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map(find)
  return { ...(http && { http }), ...(https && { https }), none: none?.address ?? '' }
}

/**
 * Converts the variables of the settings, and fills in defaults.
 *
 * @param datasets names of the datasets in the catalogue
 * @throws ServiceError invalid_configuration: names every invalid variable and its allowed values
 */
export function validate (datasets: readonly string[], env: Variables): Environment {
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

/** Ajv accepts infinite numbers whatever the minimum and maximum. */
function isInfinite (name: keyof Environment, value: string): boolean {
  const schema: ValueSchema = environment.properties[name]
  return schema.minimum !== undefined && Math.abs(Number(value)) === Infinity
}
