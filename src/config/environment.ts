import type { XStatic } from 'typebox/schema'
import { backendChoices, denoisers, meanScopes, sourceNames, splitModes } from '../dataset/settings.ts'

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/**
 * Every setting: its environment variable, allowed values, default and description. Literal JSON Schema, since
 * importing a library that builds it would delay the start.
 */
export const environment = {
  type: 'object',
  properties: {
    HOST: text(
      '127.0.0.1',
      'Address to listen on, or the path of a socket after `unix:`; the container sets `::`.'
    ),
    PORT: integer(0, 65535, 8080, 'Port to listen on; 0 picks a free one.'),
    TLS_CERT: text('', 'File of a certificate and its chain, in PEM, for HTTPS; with `TLS_KEY`.'),
    TLS_KEY: text('', 'File of the private key of `TLS_CERT`, in PEM.'),
    BASE_PATH: text('', 'Path below which a proxy publishes the service, such as `/mnist`.'),
    TRUST_PROXY: text('', 'Proxies to learn the addresses of clients from: addresses and networks, separated by ' +
      'commas; `unix` for those that use the Unix socket.'),
    DATA_DIR: text('./.data', 'Folder for downloaded files and prepared datasets.'),
    KEEP_PREPARED: integer(0, 1000, 4,
      'Prepared datasets to keep in `DATA_DIR`; the least recently used are removed first.'),
    DATASETS: text('mnist', 'Datasets to serve, separated by commas; may include folders in `SOURCE_DIR`.'),
    SOURCES: text(sourceNames.join(','), 'Sources of files, in order of preference: see [Sources](#sources).'),
    SOURCE_DIR: text('', 'Folder with one folder of IDX files, optionally gzipped, per dataset.'),
    MIRRORS: text('', 'Mirrors to try before the public ones, separated by commas; `{dataset}` is the name.'),
    OPENML_URL: text('https://www.openml.org', 'Address of OpenML or a compatible server.'),
    OFFLINE: oneOf(['0', '1'], '0', '`1` disables network access.'),
    SPLIT: oneOf(splitModes, 'contiguous', 'How `val` is separated from the training samples.'),
    VAL_FRACTION: {
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.2,
      description: 'Fraction of the training samples in `val`.'
    },
    SPLIT_SEED: integer(0, 0xffffffff, 0, 'Seed of `shuffled` and `stratified` splits.'),
    MEAN_OVER: oneOf(meanScopes, 'train', 'Samples that the mean image covers.'),
    DENOISE: oneOf(denoisers, 'none', 'Filter applied to the u8 images first.'),
    TFJS_BACKEND: oneOf(backendChoices, 'auto', 'TensorFlow.js backend; `auto` selects the fastest that works.'),
    MAX_BATCH_SIZE: integer(1, 65536, 4096, 'Largest allowed `batch_size`.'),
    WORK_MEMORY: integer(1, 1048576, 48, 'MiB for concurrent compression and augmentation.'),
    THREADS: {
      type: 'integer',
      minimum: 0,
      maximum: 256,
      description: 'Threads for augmentation, by default as many as the machine has cores, at most 16 and as many as ' +
        'fit into 5 % of the memory limit; 0 augments in the thread that serves requests.'
    },
    API_KEYS_FILE: text('', 'File of API keys, one `name:sha256` per line; without it, no request needs a key.'),
    CACHE_AUTHENTICATED: oneOf(['0', '1'], '0', '`1` lets shared caches store responses to requests with a key.'),
    RATE_LIMIT: integer(0, 1000000, 0, 'Requests per minute of a key or, without one, an address; 0 for any number.'),
    MAX_CONNECTIONS: integer(1, 1000000, 4096, 'Open connections; more are refused, except for probes.'),
    MAX_CONNECTIONS_PER_ADDRESS: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      description: 'Open connections of an address, or of a /64 of IPv6, by default half of `MAX_CONNECTIONS`; ' +
        'proxies in `TRUST_PROXY` and Unix sockets have no such limit.'
    },
    MAX_REQUESTS_PER_SOCKET: integer(0, 1000000000, 0,
      'Requests after which a connection is closed, so that load balancers move clients; 0 for any number.'),
    KEEP_ALIVE_TIMEOUT: number(
      0, 86400, 72, 'Seconds that an idle connection stays open; longer than the pauses of clients and proxies.'
    ),
    HEADERS_TIMEOUT: number(1, 3600, 30, 'Seconds in which the headers of a request must arrive.'),
    REQUEST_TIMEOUT: number(1, 3600, 60, 'Seconds in which a whole request must arrive.'),
    STALL_TIMEOUT: number(1, 3600, 120, 'Seconds after which a client that reads nothing of a response loses it.'),
    SHUTDOWN_DELAY: number(
      0, 3600, 1, 'Seconds that a stopping server still accepts connections, while `/readyz` fails.'
    ),
    RETRY_DELAY: number(
      0.1, 86400, 5, 'Seconds until a failed dataset is loaded again; doubles with each failure, up to 10 minutes.'
    ),
    EXIT_ON_FAILURE: oneOf(['0', '1'], '0', '`1` ends the process if a dataset fails, instead of loading it again.'),
    METRICS_PORT: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      description: 'Port for `/metrics` alone, without keys; 0 picks a free one. Without it, `/metrics` is on `PORT`.'
    },
    OTEL_EXPORTER_OTLP_ENDPOINT: text('', 'Address of an OpenTelemetry collector for traces; see [Traces](#traces).'),
    LOG_LEVEL: oneOf(logLevels, 'info', 'Lowest level to log.'),
    ACCESS_LOG: text('all', 'Requests to log: `all`, `errors`, or errors and a fraction of successes, such as `0.01`.'),
    PUBLIC_URL: text('', 'Address of the service for clients, where a proxy changes it; by default, the `Host` of ' +
      'each request. Only the Croissant descriptions contain it.'),
    CORS_ORIGIN: text('*', 'Origins that browsers may read from, separated by commas; `*` for all, `none` for none.')
  }
} as const

/** Values of all settings, after conversion. */
export type Environment = Required<XStatic<typeof environment>>

export type Variables = Readonly<Record<string, string | undefined>>

function text (defaultValue: string, description: string) {
  return { type: 'string', default: defaultValue, description } as const
}

function integer (minimum: number, maximum: number, defaultValue: number, description: string) {
  return { type: 'integer', minimum, maximum, default: defaultValue, description } as const
}

function number (minimum: number, maximum: number, defaultValue: number, description: string) {
  return { type: 'number', minimum, maximum, default: defaultValue, description } as const
}

function oneOf<const Value extends string> (
  values: readonly Value[],
  defaultValue: NoInfer<Value>,
  description: string
) {
  return { enum: values, default: defaultValue, description } as const
}
